import { type ApiKeyRecord, createKeyRing, type KeyRing } from '../access/key-ring.ts';
import type { KeyEnvironment } from '../access/api-key.ts';
import type { Seal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import { compileSource, parseSourceDocument, type Source } from '../webhook/source.ts';
import { API_KEYS_PREFIX, readStored, SOURCES_PREFIX, storedApiKeySchema, storedSourceSchema } from './stored-setting.ts';

/** A value of the bucket, as it is kept. */
export interface SettingEntry {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

export interface KnownOptions {
  readonly seal: Seal;
  readonly pepper: Secret;
  readonly env: KeyEnvironment;
  readonly now: () => number;
  /** A value that cannot be used; called once per version of it. `because` holds none of it; `effect` says what counts instead. */
  readonly onInvalid: (key: string, because: string, effect: string) => void;
}

/**
 * What is known of sources and keys. A version of a source that cannot be used takes nothing away: the last good one stays. One of an API key takes the
 * key away: it may be the one that revokes it. What lies beside it is not touched.
 */
export interface KnownSettings {
  readonly sources: ReadonlyMap<string, Source>;
  readonly keys: KeyRing;
  /** Keys of the bucket whose newest version cannot be used. */
  readonly invalid: readonly string[];
  /** Whether there is a source of this name of which no version can be used. */
  isUnreadable(name: string): boolean;
  /** What to keep for the next start: of each key the last good version, then the newest where that is another. */
  entries(): SettingEntry[];
  /** Takes over all that there is. @returns the keys that are new, changed or gone */
  replace(entries: readonly SettingEntry[]): string[];
  /** Takes over what there is, and keeps what is not in it. @returns the keys that are new or changed */
  add(entries: readonly SettingEntry[]): string[];
  /** The keys that are known and not among these. */
  missingIn(entries: readonly SettingEntry[]): string[];
}

type Setting = { readonly kind: 'source'; readonly source: Source } | { readonly kind: 'key'; readonly record: ApiKeyRecord };

interface Known {
  readonly newest: SettingEntry;
  readonly good: SettingEntry | undefined;
  readonly setting: Setting | undefined;
}

export function createKnownSettings(options: KnownOptions): KnownSettings {
  const { seal, pepper, env, now, onInvalid } = options;
  let known = new Map<string, Known>();
  let sources = new Map<string, Source>();
  let keys = createKeyRing([], pepper, env);

  function next(entry: SettingEntry, before: Known | undefined): Known | undefined {
    if (before?.newest.revision === entry.revision && before.newest.value === entry.value) return before;
    try {
      const setting = compile(entry, seal, now());
      return setting === undefined ? undefined : { newest: entry, good: entry, setting };
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      if (entry.key.startsWith(API_KEYS_PREFIX)) {
        onInvalid(entry.key, because, 'the key is refused');
        return { newest: entry, good: undefined, setting: undefined };
      }
      onInvalid(entry.key, because, before?.good === undefined ? 'nobody can be verified' : 'its last good version stays');
      return { newest: entry, good: before?.good, setting: before?.setting };
    }
  }

  return {
    get sources() {
      return sources;
    },
    get keys() {
      return keys;
    },
    get invalid() {
      return [...known.values()].filter(({ newest, good }) => newest !== good).map(({ newest }) => newest.key);
    },
    isUnreadable(name) {
      const found = known.get(SOURCES_PREFIX + name);
      return found !== undefined && found.setting === undefined;
    },
    entries() {
      const all = [...known.values()];
      const good = all.flatMap((each) => each.good ?? []);
      return [...good, ...all.filter((each) => each.newest !== each.good).map(({ newest }) => newest)];
    },
    replace: (entries) => take(entries, new Map()),
    add: (entries) => take(entries, known),
    missingIn(entries) {
      const there = new Set(entries.map(({ key }) => key));
      return [...known.keys()].filter((key) => !there.has(key));
    },
  };

  function take(entries: readonly SettingEntry[], kept: ReadonlyMap<string, Known>): string[] {
    const before = known;
    const after = new Map(kept);
    for (const entry of entries) {
      const one = next(entry, after.get(entry.key) ?? before.get(entry.key));
      if (one !== undefined) after.set(entry.key, one);
    }
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
    known = after;
    const settings = [...after.values()].flatMap(({ setting }) => setting ?? []);
    sources = new Map(settings.flatMap((each) => (each.kind === 'source' ? [[each.source.name, each.source]] : [])));
    const records = settings.flatMap((each) => (each.kind === 'key' ? [each.record] : []));
    if (changed.some((key) => key.startsWith(API_KEYS_PREFIX))) keys = createKeyRing(records, pepper, env);
    return changed;
  }
}

/** @returns undefined for what a newer version may have put there; @throws TypeError or AppError that hold no secret */
function compile(entry: SettingEntry, seal: Seal, nowMs: number): Setting | undefined {
  if (entry.key.startsWith(SOURCES_PREFIX)) return { kind: 'source', source: readSource(entry, seal, nowMs) };
  if (!entry.key.startsWith(API_KEYS_PREFIX)) return undefined;
  const record = readStored(storedApiKeySchema, entry.value);
  if (API_KEYS_PREFIX + record.id !== entry.key) throw new TypeError('id: expected that of its place in the bucket, got another');
  return { kind: 'key', record };
}

function readSource(entry: SettingEntry, seal: Seal, nowMs: number): Source {
  const { document: stored, secrets } = readStored(storedSourceSchema, entry.value);
  const document = parseSourceDocument(stored);
  if (SOURCES_PREFIX + document.name !== entry.key) throw new TypeError('name: expected that of its place in the bucket, got another');
  const active = secrets.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > nowMs);
  // One that has expired may need a key that was removed long ago. Where all have, the source stays, and verifies nobody.
  const opened = (active.length > 0 ? active : secrets).map(({ sealed, expiresAt }) => ({
    value: new Secret(seal.open(sealed, entry.key)),
    ...(expiresAt === null ? {} : { expiresAt: Date.parse(expiresAt) }),
  }));
  return compileSource(document, opened);
}
