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
  /** HMAC-SHA256 of the secret under the pepper, in hexadecimal. */
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
