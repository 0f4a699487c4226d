import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import type { WebhookHeaders } from './webhook-headers.ts';

/**
 * How a provider signs, as data. Verification works over the raw bytes, in constant time, and fails closed: whatever is not
 * exactly right is refused, with a reason that goes into the log and a metric and never into the answer.
 */
export interface SignatureScheme {
  /** The header with the signature, lower case. */
  readonly header: string;
  /** What separates several signatures in it; null where it holds one. */
  readonly separator: ' ' | ',' | null;
  /** What stands before a signature of this scheme. Signatures of other schemes in a list are passed over. */
  readonly prefix: string;
  readonly encoding: 'hex' | 'base64';
  /** The signed bytes: literal text, the value of a header, the body. */
  readonly signed: readonly ({ readonly text: string } | { readonly header: string } | 'body')[];
  /** How the text of the secret becomes the key: its UTF-8 bytes, or base64 behind `whsec_`. */
  readonly key: 'utf8' | 'whsec';
  /** The header with the time of sending in Unix seconds, where the scheme signs one. */
  readonly timestampHeader: string | null;
}

export interface SigningSecret {
  readonly value: Secret;
  /** Milliseconds since the epoch from which it no longer counts; undefined: until it is removed. */
  readonly expiresAt?: number;
}

export type VerifyFailure =
  | 'no_signature'
  | 'duplicate_header'
  | 'malformed_signature'
  | 'too_many_signatures'
  | 'missing_header'
  | 'malformed_timestamp'
  | 'too_old'
  | 'in_the_future'
  | 'no_active_secret'
  | 'wrong_signature';

export type Verification = { readonly ok: true } | { readonly ok: false; readonly reason: VerifyFailure };

/** The reference libraries of Standard Webhooks and Stripe allow 5 minutes; both ways, since a clock may go fast. */
export const TOLERANCE_SECONDS = 300;
/** A rotation has two; a header with more than 8 only makes us compute. */
export const MAX_SIGNATURES = 8;
/** HMAC-SHA256 (RFC 2104, FIPS 180-4). */
const DIGEST_BYTES = 32;

/**
 * Makes the verifying function of one source.
 * @throws TypeError for no secret, an empty one, or one that does not fit the scheme: a source that cannot verify must not start
 */
export function createVerifier(
  scheme: SignatureScheme,
  secrets: readonly SigningSecret[],
): (headers: WebhookHeaders, body: Uint8Array, nowMs: number) => Verification {
  if (secrets.length === 0) throw new TypeError('secrets: expected at least one, got none');
  const keys = secrets.map(({ value, expiresAt }) => ({ key: signingKey(scheme, value), expiresAt: expiresAt ?? Infinity }));

  return (headers, body, nowMs) => {
    const given = headers.one(scheme.header);
    if (given.kind === 'missing' || (given.kind === 'one' && given.value === '')) return refuse('no_signature');
    if (given.kind === 'several') return refuse('duplicate_header');
    const signatures = readSignatures(scheme, given.value);
    if (typeof signatures === 'string') return refuse(signatures);
    const parts = signedParts(scheme, headers, body);
    if (typeof parts === 'string') return refuse(parts);
    const late = checkTimestamp(scheme, headers, nowMs);
    if (late !== undefined) return refuse(late);
    const active = keys.filter(({ expiresAt }) => nowMs < expiresAt);
    if (active.length === 0) return refuse('no_active_secret');
    let isGenuine = false;
    for (const { key } of active) {
      const expected = hmac(key, parts);
      // Every pair is compared: the time says nothing about which one fitted. All are 32 bytes long.
      for (const signature of signatures) isGenuine = timingSafeEqual(expected, signature) || isGenuine;
    }
    return isGenuine ? { ok: true } : refuse('wrong_signature');
  };
}

/** Signs as the provider would; `headers` holds what the scheme signs beside the body. */
export function sign(scheme: SignatureScheme, secret: Secret, headers: WebhookHeaders, body: Uint8Array): string {
  const parts = signedParts(scheme, headers, body);
  if (typeof parts === 'string') throw new TypeError(`headers: expected all that the scheme signs, got ${parts}`);
  return scheme.prefix + hmac(signingKey(scheme, secret), parts).toString(scheme.encoding);
}

function refuse(reason: VerifyFailure): Verification {
  return { ok: false, reason };
}

function hmac(key: Buffer, parts: readonly (string | Uint8Array)[]): Buffer {
  const digest = createHmac('sha256', key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

function readSignatures(scheme: SignatureScheme, value: string): Buffer[] | VerifyFailure {
  const entries = scheme.separator === null ? [value] : value.split(scheme.separator, MAX_SIGNATURES + 1);
  if (entries.length > MAX_SIGNATURES) return 'too_many_signatures';
  const ours = entries
    .filter((entry) => entry.startsWith(scheme.prefix))
    .map((entry) => decodeDigest(scheme.encoding, entry.slice(scheme.prefix.length)));
  const whole = ours.filter((digest) => digest !== undefined);
  return whole.length === 0 || whole.length < ours.length ? 'malformed_signature' : whole;
}

/** Exactly 32 bytes in exactly the provider's spelling: no upper-case hex, no base64url, nothing cut, nothing behind. */
function decodeDigest(encoding: 'hex' | 'base64', text: string): Buffer | undefined {
  const spelling = encoding === 'hex' ? /^[0-9a-f]{64}$/ : /^[A-Za-z0-9+/]{43}=$/;
  if (!spelling.test(text)) return undefined;
  const digest = Buffer.from(text, encoding);
  return digest.length === DIGEST_BYTES && digest.toString(encoding) === text ? digest : undefined;
}

function signedParts(scheme: SignatureScheme, headers: WebhookHeaders, body: Uint8Array): (string | Uint8Array)[] | VerifyFailure {
  const parts: (string | Uint8Array)[] = [];
  for (const part of scheme.signed) {
    if (part === 'body') parts.push(body);
    else if ('text' in part) parts.push(part.text);
    else {
      const given = headers.one(part.header);
      if (given.kind === 'several') return 'duplicate_header';
      if (given.kind === 'missing' || given.value === '') return 'missing_header';
      parts.push(given.value);
    }
  }
  return parts;
}

function checkTimestamp(scheme: SignatureScheme, headers: WebhookHeaders, nowMs: number): VerifyFailure | undefined {
  if (scheme.timestampHeader === null) return undefined;
  const given = headers.one(scheme.timestampHeader);
  // Plain digits: `parseInt` would take "1614265330abc", `Number` "1e10".
  if (given.kind !== 'one' || !/^[1-9]\d{0,11}$/.test(given.value)) return 'malformed_timestamp';
  const ageSeconds = Math.floor(nowMs / 1000) - Number(given.value);
  if (ageSeconds > TOLERANCE_SECONDS) return 'too_old';
  return ageSeconds < -TOLERANCE_SECONDS ? 'in_the_future' : undefined;
}

function signingKey(scheme: SignatureScheme, secret: Secret): Buffer {
  const text = secret.reveal();
  if (text.trim() === '') throw new TypeError('secret: expected a value, got only blanks');
  if (scheme.key === 'utf8') return Buffer.from(text, 'utf8');
  const encoded = text.startsWith('whsec_') ? text.slice('whsec_'.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Standard Webhooks 1.0.0: between 24 and 64 bytes.
  if (key.length < 24 || key.length > 64 || key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, ''))
    throw new TypeError('secret: expected whsec_ and 24 to 64 bytes in base64, got something else');
  return key;
}
