import { createApiKey, keyDigest, type KeyEnvironment, parseApiKey } from '../access/api-key.ts';
import type { Scope } from '../access/scopes.ts';
import type { Secret } from '../core/secret.ts';
import { apiKeyKey, API_KEYS_PREFIX, readStored, type StoredApiKey, storedApiKeySchema } from './stored-setting.ts';
import type { StoreOptions } from './source-store.ts';

/** A key as people see it: its text is nowhere. */
export type KeyView = Omit<StoredApiKey, 'digest'>;

/** A key that was just made. */
export interface CreatedKey {
  readonly key: KeyView;
  /** Shown once, stored nowhere. */
  readonly text: Secret;
}

export interface NewKey {
  readonly name: string;
  readonly source: string;
  readonly scopes: readonly Scope[];
  /** RFC 3339; null: never. */
  readonly expiresAt: string | null;
}

export type KeyRotation =
  | ({ readonly kind: 'rotated'; readonly old: KeyView } & CreatedKey)
  | { readonly kind: 'no-key' }
  | { readonly kind: 'revoked' }
  /** Its successor is there already, and it counts until then. */
  | { readonly kind: 'rotating'; readonly until: string; readonly successor: string };

/** API keys in the bucket. What changes one changes it only where nobody else has meanwhile (AppError `changed_meanwhile`). */
export interface KeyStore {
  /** The newest first; one that cannot be read is left out, and its id is in `unreadable`. */
  list(): Promise<{ readonly keys: readonly KeyView[]; readonly unreadable: readonly string[] }>;
  create(key: NewKey): Promise<CreatedKey>;
  /**
   * A new key for the same; the old one counts until `oldExpiresAt`. `expiresAt` undefined: it counts as long as the old one did when
   * it was made. `isForced`: also where it has a successor already.
   */
  rotate(id: string, expiresAt: string | null | undefined, oldExpiresAt: Date, isForced?: boolean): Promise<KeyRotation>;
  /**
   * One that cannot be read, which nobody takes anyway, is removed.
   * @returns undefined where there is no such key; a key that was revoked stays as it was
   */
  revoke(id: string): Promise<KeyView | 'removed' | undefined>;
}

/** `pepper` is asked for when a key is made, and not before. */
export function createKeyStore(options: StoreOptions & { readonly pepper: () => Secret; readonly env: KeyEnvironment }): KeyStore {
  const { bucket, pepper, env, who, now = Date.now } = options;
  const timeNow = (): string => new Date(now()).toISOString();

  async function read(id: string) {
    const entry = await bucket.get(apiKeyKey(id));
    return entry === undefined ? undefined : { key: readStored(storedApiKeySchema, entry.value), revision: entry.revision };
  }

  async function write(key: Omit<StoredApiKey, 'changedAt' | 'changedBy'>, revision: number): Promise<KeyView> {
    const stored: StoredApiKey = { ...key, changedAt: timeNow(), changedBy: who };
    await bucket.put(apiKeyKey(key.id), JSON.stringify(stored), revision);
    return viewOf(stored);
  }

  async function create(key: NewKey, replaces: string | null): Promise<CreatedKey> {
    const { id, text } = createApiKey(env);
    const parts = parseApiKey(text.reveal());
    if (typeof parts === 'string') throw new TypeError(`a new key: expected one that fits, got ${parts}`);
    const { name, source, scopes, expiresAt } = key;
    const digest = keyDigest(parts.signed, pepper()).toString('hex');
    const stored = { id, name, source, scopes: [...scopes], digest, expiresAt, createdAt: timeNow(), revokedAt: null, replaces };
    return { key: await write(stored, 0), text };
  }

  return {
    async list() {
      const keys: KeyView[] = [];
      const unreadable: string[] = [];
      for (const { key, value } of await bucket.list()) {
        if (!key.startsWith(API_KEYS_PREFIX)) continue;
        const stored = readableKey(value);
        if (stored === undefined) unreadable.push(key.slice(API_KEYS_PREFIX.length));
        else keys.push(viewOf(stored));
      }
      return { keys: keys.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt)), unreadable };
    },
    create: (key) => create(key, null),
    async rotate(id, expiresAt, oldExpiresAt, isForced = false) {
      const found = await read(id);
      if (found === undefined) return { kind: 'no-key' };
      const { key, revision } = found;
      if (key.revokedAt !== null) return { kind: 'revoked' };
      const successor = (await this.list()).keys.find(({ replaces, revokedAt }) => replaces === id && revokedAt === null);
      if (successor !== undefined && !isForced) return { kind: 'rotating', until: key.expiresAt ?? 'for ever', successor: successor.id };
      const { name, source, scopes } = key;
      // The new one first: a stop in between leaves one key too many, and never one too few.
      const created = await create({ name, source, scopes, expiresAt: expiresAt === undefined ? sameLifetime(key, now()) : expiresAt }, id);
      const isEarlier = key.expiresAt !== null && Date.parse(key.expiresAt) < oldExpiresAt.getTime();
      const old = isEarlier ? viewOf(key) : await write({ ...key, expiresAt: oldExpiresAt.toISOString() }, revision);
      return { kind: 'rotated', old, ...created };
    },
    async revoke(id) {
      const entry = await bucket.get(apiKeyKey(id));
      if (entry === undefined) return undefined;
      const key = readableKey(entry.value);
      if (key === undefined) {
        await bucket.delete(apiKeyKey(id), entry.revision, who);
        return 'removed';
      }
      return key.revokedAt === null ? await write({ ...key, revokedAt: timeNow() }, entry.revision) : viewOf(key);
    },
  };
}

function readableKey(value: string): StoredApiKey | undefined {
  try {
    return readStored(storedApiKeySchema, value);
  } catch {
    return undefined;
  }
}

/** A key that ended some day has a successor that does. */
function sameLifetime({ createdAt, expiresAt }: StoredApiKey, nowMs: number): string | null {
  return expiresAt === null ? null : new Date(nowMs + Date.parse(expiresAt) - Date.parse(createdAt)).toISOString();
}

function viewOf({ digest: _digest, ...view }: StoredApiKey): KeyView {
  return view;
}
