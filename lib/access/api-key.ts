import { createHmac, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Secret } from '../core/secret.ts';

/**
 * An API key's text: `vis_<env>_<id>_<secret><checksum>`. The form is that of GitHub's tokens: a prefix that a scanner of
 * secrets finds, and a checksum that tells a key from what only looks like one, without asking anybody
 * (github.blog, "Behind GitHub's new authentication token formats", 2021-04-05).
 */
export interface ApiKeyParts {
  readonly env: KeyEnvironment;
  /** May be shown. */
  readonly id: string;
  /** What is digested: everything in front of the checksum. */
  readonly signed: string;
}

/** What a key's second part says: a key of one environment is refused in the others. */
export const KEY_ENVIRONMENTS = { development: 'dev', staging: 'stg', production: 'prod' } as const;

export type KeyEnvironment = (typeof KEY_ENVIRONMENTS)[keyof typeof KEY_ENVIRONMENTS];

/** Digits first, as in GitHub's tokens. */
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 59 bits: ids do not meet by chance in any number of keys that people make. */
const ID_LENGTH = 10;
/** 28 characters of 62 are 166 bits; 160 is what a key needs that is never stretched. */
const SECRET_LENGTH = 28;
/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6;

/** Finds keys in any text; what it finds is one where the checksum fits. The page for scanners is docs/sources-and-keys.md. */
export const API_KEY_PATTERN = /\bvis_(dev|stg|prod)_([0-9A-Za-z]{10})_([0-9A-Za-z]{28})([0-9A-Za-z]{6})\b/;

const WHOLE = new RegExp(`^${API_KEY_PATTERN.source.replaceAll('\\b', '')}$`);

/** Makes a new key. Its text is shown once and stored nowhere. */
export function createApiKey(env: KeyEnvironment): { readonly id: string; readonly text: Secret } {
  const id = randomBase62(ID_LENGTH);
  const signed = `vis_${env}_${id}_${randomBase62(SECRET_LENGTH)}`;
  return { id, text: new Secret(signed + keyChecksum(signed)) };
}

/** Takes a key apart: no look-up, no secret. */
export function parseApiKey(text: string): ApiKeyParts | 'malformed' | 'wrong_checksum' {
  const [, env, id = '', , checksum] = WHOLE.exec(text) ?? [];
  if (env === undefined) return 'malformed';
  const signed = text.slice(0, -CHECKSUM_LENGTH);
  return keyChecksum(signed) === checksum ? { env: env as KeyEnvironment, id, signed } : 'wrong_checksum';
}

/** CRC-32 (ISO-HDLC, as in zlib) of everything in front of it, in base62 with leading zeros. */
export function keyChecksum(signed: string): string {
  let rest = crc32(signed);
  let text = '';
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit += 1) {
    text = BASE62.charAt(rest % BASE62.length) + text;
    rest = Math.floor(rest / BASE62.length);
  }
  return text;
}

/**
 * What is stored of a key: HMAC-SHA256 under the pepper, which is not stored beside it. A slow hash is for passwords: a
 * random secret of 166 bits cannot be guessed, and every request would pay for it.
 */
export function keyDigest(signed: string, pepper: Secret): Buffer {
  return createHmac('sha256', pepper.reveal()).update(signed).digest();
}

function randomBase62(length: number): string {
  // `randomInt` draws evenly; a byte modulo 62 would not.
  return Array.from({ length }, () => BASE62.charAt(randomInt(BASE62.length))).join('');
}
