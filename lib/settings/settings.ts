import type { KeyEnvironment } from '../access/api-key.ts';
import type { KeyRing } from '../access/key-ring.ts';
import type { Seal } from '../core/seal.ts';
import type { Secret } from '../core/secret.ts';
import type { KvBucket } from '../jetstream/kv-bucket.ts';
import type { SettingsMetrics } from '../telemetry/door-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Source } from '../webhook/source.ts';
import { createKnownSettings } from './known-settings.ts';
import { followBucket } from './follow-bucket.ts';
import { readSnapshot, writeSnapshot } from './settings-snapshot.ts';

/** What the door knows of sources and API keys: the last that it has heard, whether or not anybody can be asked now. */
export interface Settings {
  findSource(name: string): Source | undefined;
  /**
   * Whether nobody can say now who may send to this name: nothing was ever heard, or no version of the source can be used.
   * Such a request is refused for now, and not for good.
   */
  isUndecided(name: string): boolean;
  readonly sourceNames: readonly string[];
  readonly keys: KeyRing;
  readonly state: SettingsState;
  /** What the newest version of is not used, as `sources.<name>` or `api-keys.<id>`. */
  readonly invalid: readonly string[];
}

/**
 * - `current`: changes are being watched
 * - `stale`: nobody can be asked; what was known last counts
 * - `unknown`: nothing was ever heard: no sender can be judged, so none may be refused for good
 */
export type SettingsState =
  | { readonly kind: 'current' }
  | { readonly kind: 'stale'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** Settings that follow a bucket from `follow` on. */
export interface OpenSettings extends Settings {
  /** Watches the bucket until `stop`; to be called once, when there is a connection, whether or not it is connected. */
  follow(bucket: KvBucket): void;
  /** Resolves when what is known is written down. May be called twice. */
  stop(): Promise<void>;
}

export interface SettingsOptions {
  /** The sealed file with what was known last; undefined: none is kept. */
  readonly snapshotPath: string | undefined;
  readonly seal: Seal;
  readonly pepper: Secret;
  readonly env: KeyEnvironment;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly metrics: SettingsMetrics;
  /** (Default: the system's clock) */
  readonly now?: () => number;
}

/** Starts from what was known last, without asking anybody. Never rejects: a file that cannot be used is told, and is as none. */
export async function openSettings(options: SettingsOptions): Promise<OpenSettings> {
  const { snapshotPath, seal, pepper, env, log, metrics, now = Date.now } = options;
  const known = createKnownSettings({
    seal,
    pepper,
    env,
    now,
    onInvalid: (key, because, effect) => log.error({ key, because }, `a setting cannot be used; ${effect}`),
  });
  let isKnown = false;
  /** When the bucket was made from which all that is known comes. */
  let bucketCreatedAt: string | undefined;
  let trouble: string | undefined = 'the broker was not asked yet';
  let heardAt = now();
  let unfollow: (() => Promise<void>) | undefined;
  let isSaved = true;
  let saving = Promise.resolve();

  if (snapshotPath !== undefined) {
    try {
      const snapshot = await readSnapshot(snapshotPath, seal);
      if (snapshot !== undefined) {
        const { entries } = snapshot;
        known.replace(entries);
        isKnown = true;
        bucketCreatedAt = snapshot.bucketCreatedAt;
        log.info({ count: entries.length }, 'settings read from the file');
      }
    } catch (error) {
      log.error({ err: error }, 'the settings of the last run cannot be read');
    }
  }

  /** One after the other; the last call writes the last state. */
  function save(): Promise<void> {
    if (snapshotPath === undefined) return Promise.resolve();
    isSaved = false;
    saving = saving.then(async () => {
      if (isSaved) return;
      isSaved = true;
      try {
        const savedAt = new Date(now()).toISOString();
        await writeSnapshot(snapshotPath, { savedAt, bucketCreatedAt, entries: known.entries() }, seal);
      } catch (error) {
        isSaved = false;
        log.error({ err: error }, 'the settings cannot be written down');
      }
    });
    return saving;
  }

  metrics.observe({
    staleSeconds: () => (trouble === undefined ? 0 : Math.max(0, (now() - heardAt) / 1000)),
    invalid: () => known.invalid.length,
  });
  return {
    findSource: (name) => known.sources.get(name),
    isUndecided: (name) => !isKnown || known.isUnreadable(name),
    get sourceNames() {
      return [...known.sources.keys()];
    },
    get keys() {
      return known.keys;
    },
    get invalid() {
      return known.invalid;
    },
    get state(): SettingsState {
      if (trouble === undefined) return { kind: 'current' };
      return { kind: isKnown ? 'stale' : 'unknown', because: trouble };
    },
    follow(bucket) {
      unfollow ??= followBucket(bucket, {
        isEmptyBelieved: () => known.entries().length === 0,
        async onEntries(entries, createdAt) {
          const isFirst = !isKnown || bucketCreatedAt === undefined;
          isKnown = true;
          // One that was lost and made anew is filled by hand, one source after the other.
          const missing = isFirst || bucketCreatedAt === createdAt ? [] : known.missingIn(entries);
          const changed = missing.length === 0 ? known.replace(entries) : known.add(entries);
          const isAnother = missing.length === 0 && bucketCreatedAt !== createdAt;
          if (isAnother) bucketCreatedAt = createdAt;
          if (changed.length > 0) log.info({ count: changed.length, checks: changed }, 'settings changed');
          if (changed.length > 0 || isAnother) await save();
          return missing.length === 0 ? undefined : `the bucket was made anew, and does not have ${missing.join(', ')}`;
        },
        async onHeard() {
          if (trouble !== undefined) log.info({ count: known.sources.size }, 'settings are current');
          trouble = undefined;
          heardAt = now();
          if (!isSaved) await save();
        },
        onTrouble(because) {
          if (trouble !== because) log.warn({ because }, 'settings cannot be followed; what is known counts');
          trouble = because;
        },
      });
    },
    async stop() {
      await unfollow?.();
      await saving;
    },
  };
}
