import { randomBytes } from 'node:crypto';
import type { Seal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import type { BucketEntry, KvBucket } from '../jetstream/kv-bucket.ts';
import { compileSource, parseSourceDocument, type SourceDocument } from '../webhook/source.ts';
import { readStored, sourceKey, SOURCES_PREFIX, type StoredSecret, type StoredSource, storedSourceSchema } from './stored-setting.ts';

/** A source as people see it: no secret in it. */
export interface SourceView {
  readonly name: string;
  readonly document: SourceDocument;
  readonly secrets: readonly SecretView[];
  readonly changedAt: string;
  readonly changedBy: string;
  /** Grows with every change. */
  readonly revision: number;
}

export interface SecretView {
  readonly id: string;
  readonly createdAt: string;
  /** Null: until it is removed. */
  readonly expiresAt: string | null;
}

/** One that is in the bucket and cannot be read. */
export interface UnreadableSource {
  readonly name: string;
  readonly because: string;
}

export interface NewSecret {
  readonly value: Secret;
  /** RFC 3339. (Default: it stays) */
  readonly expiresAt?: string | undefined;
}

export interface SourceChange {
  readonly revision: number;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly what: 'added' | 'changed' | 'removed' | 'unreadable';
  readonly secretIds: readonly string[];
}

export type RotationResult =
  | { readonly kind: 'rotated'; readonly source: SourceView }
  | { readonly kind: 'no-source' }
  /** The secret before the present one still counts: until then. */
  | { readonly kind: 'rotating'; readonly until: string };

/**
 * Sources in the bucket. What changes one looks at it first, and changes it only where nobody else has meanwhile
 * (AppError `changed_meanwhile`). A document or secret that ingest could not use is refused with every mistake
 * (AppError `invalid_config`), so that a mistake is told to who makes it.
 */
export interface SourceStore {
  list(): Promise<{ readonly sources: readonly SourceView[]; readonly unreadable: readonly UnreadableSource[] }>;
  /** @throws TypeError where it is there and cannot be read */
  find(name: string): Promise<SourceView | undefined>;
  /** @returns undefined where there is one of this name */
  add(document: unknown, secrets: readonly NewSecret[]): Promise<SourceView | undefined>;
  /** From now on the new secret counts, the present one too until `oldExpiresAt`. `isForced`: also during a rotation. */
  rotate(name: string, secret: Secret, oldExpiresAt: Date, isForced?: boolean): Promise<RotationResult>;
  /** Seals every secret anew with the first key, so that the others can go. @returns the names */
  reseal(): Promise<string[]>;
  /** @returns whether there was one */
  remove(name: string): Promise<boolean>;
  /** Oldest first; no secret in it. */
  history(name: string): Promise<SourceChange[]>;
  /** The newest secret that counts, for signing as its sender would; undefined where there is none. @throws AppError `cannot_unseal` */
  secretOf(name: string): Promise<Secret | undefined>;
}

export interface StoreOptions {
  readonly bucket: KvBucket;
  /** Whoever changes it: `person@machine`. */
  readonly who: string;
  /** (Default: the system's clock) */
  readonly now?: () => number;
}

export function createSourceStore(options: StoreOptions & { readonly seal: Seal }): SourceStore {
  const { bucket, seal, who, now = Date.now } = options;
  const timeNow = (): string => new Date(now()).toISOString();
  const counts = ({ expiresAt }: StoredSecret): boolean => expiresAt === null || Date.parse(expiresAt) > now();

  async function read(name: string): Promise<{ entry: BucketEntry; stored: StoredSource } | undefined> {
    const entry = await bucket.get(sourceKey(name));
    return entry === undefined ? undefined : { entry, stored: readStored(storedSourceSchema, entry.value) };
  }

  /**
   * Whoever has another key than those who were here before is at the wrong place, and ingest could not open what he adds.
   * @throws AppError `cannot_unseal`
   */
  function checkSameKey(present: readonly BucketEntry[]): void {
    for (const { key, value } of present) {
      if (!key.startsWith(SOURCES_PREFIX)) continue;
      const [secret] = readStored(storedSourceSchema, value).secrets;
      if (secret !== undefined) seal.open(secret.sealed, key);
      return;
    }
  }

  /** What ingest will make of it, made here first. */
  function check(document: SourceDocument, secrets: readonly StoredSecret[]): void {
    const opened = secrets.map(({ sealed, expiresAt }) => ({
      value: new Secret(seal.open(sealed, sourceKey(document.name))),
      ...(expiresAt === null ? {} : { expiresAt: Date.parse(expiresAt) }),
    }));
    compileSource(document, opened);
  }

  async function write(document: SourceDocument, secrets: readonly StoredSecret[], revision: number): Promise<SourceView> {
    check(document, secrets);
    const stored: StoredSource = { document, secrets: [...secrets], changedAt: timeNow(), changedBy: who };
    return viewOf(stored, document, await bucket.put(sourceKey(document.name), JSON.stringify(stored), revision));
  }

  function sealed(name: string, { value, expiresAt }: NewSecret): StoredSecret {
    return {
      id: `sec_${randomBytes(4).toString('hex')}`,
      sealed: seal.seal(value.reveal(), sourceKey(name)),
      createdAt: timeNow(),
      expiresAt: expiresAt ?? null,
    };
  }

  return {
    async list() {
      const sources: SourceView[] = [];
      const unreadable: UnreadableSource[] = [];
      for (const entry of await bucket.list()) {
        if (!entry.key.startsWith(SOURCES_PREFIX)) continue;
        try {
          const stored = readStored(storedSourceSchema, entry.value);
          sources.push(viewOf(stored, parseSourceDocument(stored.document), entry.revision));
        } catch (error) {
          const because = error instanceof Error ? error.message : String(error);
          unreadable.push({ name: entry.key.slice(SOURCES_PREFIX.length), because });
        }
      }
      return { sources: sources.toSorted((a, b) => a.name.localeCompare(b.name)), unreadable };
    },
    async find(name) {
      const found = await read(name);
      return found && viewOf(found.stored, parseSourceDocument(found.stored.document), found.entry.revision);
    },
    async add(given, secrets) {
      const document = parseSourceDocument(given);
      const present = await bucket.list();
      if (present.some(({ key }) => key === sourceKey(document.name))) return undefined;
      checkSameKey(present);
      return await write(
        document,
        secrets.map((secret) => sealed(document.name, secret)),
        0,
      );
    },
    async rotate(name, secret, oldExpiresAt, isForced = false) {
      const found = await read(name);
      if (found === undefined) return { kind: 'no-source' };
      const active = found.stored.secrets.filter(counts);
      const ending = active.flatMap(({ expiresAt }) => expiresAt ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b));
      const [until] = ending;
      if (until !== undefined && !isForced) return { kind: 'rotating', until };
      const old = active.map((one) => ({ ...one, expiresAt: earlier(one.expiresAt, oldExpiresAt) }));
      const document = parseSourceDocument(found.stored.document);
      return { kind: 'rotated', source: await write(document, [sealed(name, { value: secret }), ...old], found.entry.revision) };
    },
    async reseal() {
      const names: string[] = [];
      for (const { key } of await bucket.list()) {
        if (!key.startsWith(SOURCES_PREFIX)) continue;
        const name = key.slice(SOURCES_PREFIX.length);
        const found = await read(name);
        if (found === undefined) continue;
        const active = found.stored.secrets.filter(counts);
        // One that has expired may need a key that is gone, and is of no use.
        const kept = active.length > 0 ? active : found.stored.secrets;
        const secrets = kept.map((one) => ({ ...one, sealed: seal.seal(seal.open(one.sealed, key), key) }));
        await write(parseSourceDocument(found.stored.document), secrets, found.entry.revision);
        names.push(name);
      }
      return names;
    },
    async remove(name) {
      const entry = await bucket.get(sourceKey(name));
      if (entry === undefined) return false;
      await bucket.delete(sourceKey(name), entry.revision, who);
      return true;
    },
    async history(name) {
      const changes = await bucket.history(sourceKey(name));
      return changes.map(({ value, revision, changedAt, deletedBy = '' }, index) => {
        const at = { revision, changedAt: new Date(changedAt).toISOString(), changedBy: '', secretIds: [] };
        if (value === undefined) return { ...at, changedBy: deletedBy, what: 'removed' };
        try {
          const stored = readStored(storedSourceSchema, value);
          const what = changes[index - 1]?.value === undefined ? 'added' : 'changed';
          return { ...at, changedBy: stored.changedBy, what, secretIds: stored.secrets.map(({ id }) => id) };
        } catch {
          return { ...at, what: 'unreadable' };
        }
      });
    },
    async secretOf(name) {
      const found = await read(name);
      // The newest stands first.
      const secret = found?.stored.secrets.find(counts);
      return secret && new Secret(seal.open(secret.sealed, sourceKey(name)));
    },
  };
}

function viewOf(stored: StoredSource, document: SourceDocument, revision: number): SourceView {
  const secrets = stored.secrets.map(({ id, createdAt, expiresAt }) => ({ id, createdAt, expiresAt }));
  return { name: document.name, document, secrets, changedAt: stored.changedAt, changedBy: stored.changedBy, revision };
}

function earlier(expiresAt: string | null, other: Date): string {
  return expiresAt !== null && Date.parse(expiresAt) < other.getTime() ? expiresAt : other.toISOString();
}
