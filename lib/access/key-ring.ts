import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { type KeyEnvironment, keyDigest, parseApiKey } from './api-key.ts';
import type { Scope } from './scopes.ts';

/** An API key as it is stored: nothing of it lets anybody make a request. */
export interface ApiKeyRecord {
  /** The part of the key that may be shown: `vis_<env>_<id>_...`. */
  readonly id: string;
  /** What a person called it. */
  readonly name: string;
  /** The event source that its events get where they name none, and the only one that they may name. */
  readonly source: string;
  readonly scopes: readonly Scope[];
  /** HMAC-SHA256 under the pepper of the key's text without its checksum, in hexadecimal. */
  readonly digest: string;
  /** RFC 3339; null: never. */
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  /** The key that this one replaces, while both count. */
  readonly replaces: string | null;
}

export type KeyFailure =
  | 'no_key'
  | 'malformed'
  | 'wrong_checksum'
  | 'wrong_environment'
  | 'unknown'
  | 'wrong_secret'
  | 'expired'
  | 'revoked';

export type KeyCheck = { readonly ok: true; readonly key: ApiKeyRecord } | { readonly ok: false; readonly reason: KeyFailure };

/** The keys that a program knows. Checking one costs microseconds, and neither a query nor a wait. */
export interface KeyRing {
  /** `text` is what the client sent, whole. Unknown ids take as long as known ones. */
  check(text: string, nowMs: number): KeyCheck;
}

/** No key has it: an unknown id is compared with it, so that it takes as long as a known one. */
const NOBODY = Buffer.alloc(32);

/**
 * Makes a ring of the stored keys. The secret is compared before expiry and revocation are looked at: only who has a key
 * learns what became of it.
 */
export function createKeyRing(records: Iterable<ApiKeyRecord>, pepper: Secret, env: KeyEnvironment): KeyRing {
  const known = new Map<string, { readonly key: ApiKeyRecord; readonly digest: Buffer; readonly expiresAtMs: number }>();
  for (const key of records) {
    const expiresAtMs = key.expiresAt === null ? Infinity : Date.parse(key.expiresAt);
    known.set(key.id, { key, digest: Buffer.from(key.digest, 'hex'), expiresAtMs });
  }
  const refuse = (reason: KeyFailure): KeyCheck => ({ ok: false, reason });
  return {
    check(text, nowMs) {
      if (text === '') return refuse('no_key');
      const parts = parseApiKey(text);
      if (typeof parts === 'string') return refuse(parts);
      if (parts.env !== env) return refuse('wrong_environment');
      const found = known.get(parts.id);
      const isSame = timingSafeEqual(keyDigest(parts.signed, pepper), found?.digest ?? NOBODY);
      if (found === undefined) return refuse('unknown');
      if (!isSame) return refuse('wrong_secret');
      if (found.key.revokedAt !== null) return refuse('revoked');
      // A time that cannot be read is no time in the future.
      if (!(nowMs < found.expiresAtMs)) return refuse('expired');
      return { ok: true, key: found.key };
    },
  };
}
