import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import type { WebhookHeaders } from './webhook-headers.ts';

/**
 * How a provider signs, as data. Verification works over the raw bytes, in constant time, and fails closed: whatever is not
 * exactly right is refused, with a reason that goes into the log and a metric; the answer has no more than header-mistake.ts tells.
 */
export interface SignatureScheme {
  readonly kind: 'signature';
  /** The hash of the HMAC (RFC 2104). */
  readonly algorithm: keyof typeof DIGEST_BYTES;
  /** The header with the signature, lower case. */
  readonly header: string;
  /** What separates several entries in it; null where it holds one. */
  readonly separator: ' ' | ',' | null;
  /** What stands before a signature of this scheme. Entries of other schemes in a list are passed over. */
  readonly prefix: string;
  readonly encoding: keyof typeof SPELLINGS;
  /** The signed bytes: literal text, the value of a header, the time of sending as it was sent, the body. */
  readonly signed: readonly SignedPart[];
  /** How the text of the secret becomes the key: its UTF-8 bytes, or base64 behind `whsec_`. */
  readonly key: 'utf8' | 'whsec';
  /** Where the time of sending is, in Unix seconds: a header, or an entry of the signature's own header by its prefix. */
  readonly timestamp: { readonly header: string } | { readonly entry: string } | null;
  /** How far the time of sending may be from ours, both ways; the clock of either side may go fast. */
  readonly toleranceSeconds: number;
}

export type SignedPart = { readonly text: string } | { readonly header: string } | 'timestamp' | 'body';

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
  | 'wrong_signature'
  | 'no_credential'
  | 'malformed_credential'
  | 'wrong_credential';

export type Verification = { readonly ok: true } | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly reason: VerifyFailure;
  /** The header that it is about, lower case, where it is about one by itself and no secret was looked at. */
  readonly header?: string;
}

/** Says whether a request is genuine, at the given time in milliseconds since the epoch. */
export type Verify = (headers: WebhookHeaders, body: Uint8Array, nowMs: number) => Verification;

/** The reference libraries of Standard Webhooks, Stripe and Slack allow 5 minutes. */
export const TOLERANCE_SECONDS = 300;
/** A rotation has two; a header with more than 8 only makes us compute. */
export const MAX_SIGNATURES = 8;
/** FIPS 180-4. SHA-1 is broken for collisions, which a MAC does not need; some providers still sign with it. */
const DIGEST_BYTES = { sha256: 32, sha512: 64, sha1: 20 } as const;
/** base64url is written with and without its padding. */
const SPELLINGS = { hex: /^[0-9a-f]+$/, base64: /^[A-Za-z0-9+/]+={0,2}$/, base64url: /^[A-Za-z0-9_-]+={0,2}$/ } as const;

/**
 * Makes the verifying function of one source that signs.
 * @throws TypeError for no secret, an empty one, or one that does not fit the scheme: a source that cannot verify must not start
 */
export function createSignatureVerifier(scheme: SignatureScheme, secrets: readonly SigningSecret[]): Verify {
  if (secrets.length === 0) throw new TypeError('secrets: expected at least one, got none');
  const keys = secrets.map(({ value, expiresAt }) => ({ key: signingKey(scheme, value), expiresAt: expiresAt ?? Infinity }));

  return (headers, body, nowMs) => {
    const given = headers.one(scheme.header);
    if (given.kind === 'missing' || (given.kind === 'one' && given.value === '')) return refuse('no_signature', scheme.header);
    if (given.kind === 'several') return refuse('duplicate_header', scheme.header);
    const entries = readEntries(scheme, given.value);
    if (entries === undefined) return refuse('too_many_signatures', scheme.header);
    const signatures = readSignatures(scheme, entries);
    if (signatures === undefined) return refuse('malformed_signature', scheme.header);
    const timestamp = readTimestamp(scheme, headers, entries);
    if (typeof timestamp === 'object') return timestamp;
    const parts = signedParts(scheme, headers, timestamp, body);
    if (!Array.isArray(parts)) return parts;
    const late = checkTimestamp(scheme, timestamp, nowMs);
    if (late !== undefined) return refuse(late, late === 'malformed_timestamp' ? timestampHeader(scheme) : undefined);
    const active = keys.filter(({ expiresAt }) => nowMs < expiresAt);
    if (active.length === 0) return refuse('no_active_secret');
    let isGenuine = false;
    for (const { key } of active) {
      const expected = hmac(scheme, key, parts);
      // Every pair is compared: the time says nothing about which one fitted. All are as long as the scheme's digest.
      for (const signature of signatures) isGenuine = timingSafeEqual(expected, signature) || isGenuine;
    }
    return isGenuine ? { ok: true } : refuse('wrong_signature');
  };
}

/**
 * Signs as the provider would. `headers` holds what the scheme signs beside the body, the time too where it is a header;
 * where it is an entry of the signature's header it is `timestamp`.
 */
export function sign(scheme: SignatureScheme, secret: Secret, headers: WebhookHeaders, body: Uint8Array, timestamp?: string): string {
  const own = timestamp ?? readTimestamp(scheme, headers, []);
  if (typeof own === 'object') throw new TypeError(`headers: expected all that the scheme signs, got ${own.reason}`);
  const parts = signedParts(scheme, headers, own, body);
  if (!Array.isArray(parts)) throw new TypeError(`headers: expected all that the scheme signs, got ${parts.reason}`);
  const signature = scheme.prefix + hmac(scheme, signingKey(scheme, secret), parts).toString(scheme.encoding);
  const entry =
    scheme.timestamp !== null && 'entry' in scheme.timestamp ? `${scheme.timestamp.entry}${own ?? ''}${scheme.separator ?? ''}` : '';
  return entry + signature;
}

function refuse(reason: VerifyFailure, header?: string): Refusal {
  return { ok: false, reason, ...(header === undefined ? {} : { header }) };
}

function timestampHeader({ timestamp, header }: SignatureScheme): string {
  return timestamp !== null && 'header' in timestamp ? timestamp.header : header;
}

function hmac(scheme: SignatureScheme, key: KeyObject, parts: readonly (string | Uint8Array)[]): Buffer {
  const digest = createHmac(scheme.algorithm, key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

function readEntries({ separator }: SignatureScheme, value: string): string[] | undefined {
  const entries = separator === null ? [value] : value.split(separator, MAX_SIGNATURES + 1);
  return entries.length > MAX_SIGNATURES ? undefined : entries;
}

/** Undefined unless there is one and all are whole. */
function readSignatures(scheme: SignatureScheme, entries: readonly string[]): Buffer[] | undefined {
  const ours = entries
    .filter((entry) => entry.startsWith(scheme.prefix))
    .map((entry) => decodeDigest(scheme, entry.slice(scheme.prefix.length)));
  const whole = ours.filter((digest) => digest !== undefined);
  return whole.length === 0 || whole.length < ours.length ? undefined : whole;
}

/** Exactly a digest in exactly the provider's spelling: no upper-case hex, no base64url for base64, nothing cut, nothing behind. */
function decodeDigest({ algorithm, encoding }: SignatureScheme, text: string): Buffer | undefined {
  // Twice the digest is its longest spelling; a longer text is not looked at.
  if (text.length > 2 * DIGEST_BYTES[algorithm] || !SPELLINGS[encoding].test(text)) return undefined;
  const digest = Buffer.from(text, encoding);
  if (digest.length !== DIGEST_BYTES[algorithm]) return undefined;
  const spelt = digest.toString(encoding);
  return spelt === text || (encoding === 'base64url' && padded(spelt) === text) ? digest : undefined;
}

function padded(base64url: string): string {
  return base64url.padEnd(Math.ceil(base64url.length / 4) * 4, '=');
}

function signedParts(
  scheme: SignatureScheme,
  headers: WebhookHeaders,
  timestamp: string,
  body: Uint8Array,
): (string | Uint8Array)[] | Refusal {
  const parts: (string | Uint8Array)[] = [];
  for (const part of scheme.signed) {
    if (part === 'body') parts.push(body);
    else if (part === 'timestamp') parts.push(timestamp);
    else if ('text' in part) parts.push(part.text);
    else {
      const given = headers.one(part.header);
      if (given.kind === 'several') return refuse('duplicate_header', part.header);
      if (given.kind === 'missing' || given.value === '') return refuse('missing_header', part.header);
      parts.push(given.value);
    }
  }
  return parts;
}

/** The time of sending as it was sent; '' where the scheme signs none. */
function readTimestamp({ timestamp, header }: SignatureScheme, headers: WebhookHeaders, entries: readonly string[]): string | Refusal {
  if (timestamp === null) return '';
  if ('entry' in timestamp) {
    const [first, ...more] = entries.filter((entry) => entry.startsWith(timestamp.entry));
    return first === undefined || more.length > 0 ? refuse('malformed_timestamp', header) : first.slice(timestamp.entry.length);
  }
  const given = headers.one(timestamp.header);
  if (given.kind === 'several') return refuse('duplicate_header', timestamp.header);
  return given.kind === 'missing' || given.value === '' ? refuse('missing_header', timestamp.header) : given.value;
}

function checkTimestamp(scheme: SignatureScheme, timestamp: string, nowMs: number): VerifyFailure | undefined {
  if (scheme.timestamp === null) return undefined;
  // Plain digits: `parseInt` would take "1614265330abc", `Number` "1e10".
  if (!/^[1-9]\d{0,11}$/.test(timestamp)) return 'malformed_timestamp';
  const ageSeconds = Math.floor(nowMs / 1000) - Number(timestamp);
  if (ageSeconds > scheme.toleranceSeconds) return 'too_old';
  return ageSeconds < -scheme.toleranceSeconds ? 'in_the_future' : undefined;
}

/** A key object: given bytes, each HMAC makes one anew, which costs three times the HMAC of a usual body. */
function signingKey(scheme: SignatureScheme, secret: Secret): KeyObject {
  const text = secret.reveal();
  if (text.trim() === '') throw new TypeError('secret: expected a value, got only blanks');
  if (scheme.key === 'utf8') return createSecretKey(text, 'utf8');
  const encoded = text.startsWith('whsec_') ? text.slice('whsec_'.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Standard Webhooks 1.0.0: between 24 and 64 bytes.
  if (key.length < 24 || key.length > 64 || key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, ''))
    throw new TypeError('secret: expected whsec_ and 24 to 64 bytes in base64, got something else');
  return createSecretKey(key);
}
