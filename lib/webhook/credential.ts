import { createHash, timingSafeEqual } from 'node:crypto';
import type { SigningSecret, Verification, Verify, VerifyFailure } from './signature.ts';

/**
 * A secret that is sent with every request instead of signing it. Whoever sees one request can send others, so a signature is
 * to be preferred wherever the sender can make one.
 */
export interface CredentialScheme {
  readonly kind: 'credential';
  /** How the header's value holds it: as it is, `Bearer <secret>` (RFC 6750), `Basic <base64 of user:password>` (RFC 7617). */
  readonly form: 'plain' | 'bearer' | 'basic';
  /** Lower case. */
  readonly header: string;
}

/** What each form allows for a secret: anything else could never arrive, or not as it is. */
const SECRETS: Readonly<Record<CredentialScheme['form'], { readonly pattern: RegExp; readonly expected: string }>> = {
  // A header's value without the blanks around it, which every server takes away.
  plain: { pattern: /^[!-~]+( +[!-~]+)*$/, expected: 'printable ASCII with no blank around it' },
  bearer: { pattern: /^[A-Za-z0-9._~+/-]+=*$/, expected: 'letters, digits and . _ ~ + / - as RFC 6750 has them' },
  // The first colon ends the user; control characters are forbidden. Of the two one may be empty: a colon alone is no secret.
  basic: { pattern: /^(?!:$)[^:\p{Cc}]*:\P{Cc}*$/u, expected: 'user:password' },
};

/**
 * Makes the verifying function of one source that sends its secret.
 * @throws TypeError for no secret, an empty one, or one that the form cannot carry
 */
export function createCredentialVerifier(scheme: CredentialScheme, secrets: readonly SigningSecret[]): Verify {
  if (secrets.length === 0) throw new TypeError('secrets: expected at least one, got none');
  const known = secrets.map(({ value, expiresAt }) => {
    const text = value.reveal();
    const { pattern, expected } = SECRETS[scheme.form];
    if (!pattern.test(text)) throw new TypeError(`secret: expected ${expected}, got something else`);
    return { digest: digestOf(text), expiresAt: expiresAt ?? Infinity };
  });

  return (headers, _body, nowMs) => {
    const given = headers.one(scheme.header);
    if (given.kind === 'missing' || (given.kind === 'one' && given.value === '')) return refuse('no_credential', scheme.header);
    if (given.kind === 'several') return refuse('duplicate_header', scheme.header);
    const credential = readCredential(scheme.form, given.value);
    if (credential === undefined) return refuse('malformed_credential', scheme.header);
    const active = known.filter(({ expiresAt }) => nowMs < expiresAt);
    if (active.length === 0) return refuse('no_active_secret');
    const presented = digestOf(credential);
    let isGenuine = false;
    for (const { digest } of active) isGenuine = timingSafeEqual(digest, presented) || isGenuine;
    return isGenuine ? { ok: true } : refuse('wrong_credential');
  };
}

/** The header's value for a secret, as a sender would write it. */
export function writeCredential(form: CredentialScheme['form'], secret: string): string {
  if (form === 'plain') return secret;
  return form === 'bearer' ? `Bearer ${secret}` : `Basic ${Buffer.from(secret, 'utf8').toString('base64')}`;
}

/** The scheme's name has no case (RFC 9110, 11.1); exactly one blank is what every client writes. */
function readCredential(form: CredentialScheme['form'], value: string): string | Buffer | undefined {
  if (form === 'plain') return value;
  const [, scheme, rest] = /^([A-Za-z]{1,10}) ([A-Za-z0-9._~+/-]+=*)$/.exec(value) ?? [];
  if (rest === undefined || scheme?.toLowerCase() !== form) return undefined;
  if (form === 'bearer') return rest;
  const decoded = Buffer.from(rest, 'base64');
  // Decoding passes over what is no base64: only the one spelling of the bytes is taken.
  return decoded.toString('base64') === rest && decoded.includes(':') ? decoded : undefined;
}

/** Equal lengths for whatever was sent, so that the comparison's time says nothing about the secret's. */
function digestOf(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuse(reason: VerifyFailure, header?: string): Verification {
  return { ok: false, reason, ...(header === undefined ? {} : { header }) };
}
