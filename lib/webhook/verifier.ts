import type { Secret } from '../core/secret.ts';
import { createCredentialVerifier, writeCredential } from './credential.ts';
import type { CredentialScheme } from './credential.ts';
import { createSignatureVerifier, sign } from './signature.ts';
import type { SignatureScheme, SigningSecret, Verify } from './signature.ts';
import { headersFromRecord } from './webhook-headers.ts';

/** How a sender shows who it is. */
export type Scheme = SignatureScheme | CredentialScheme;

/**
 * Makes the verifying function of one source.
 * @throws TypeError for no secret, an empty one, or one that does not fit the scheme: a source that cannot verify must not start
 */
export function createVerifier(scheme: Scheme, secrets: readonly SigningSecret[]): Verify {
  return scheme.kind === 'signature' ? createSignatureVerifier(scheme, secrets) : createCredentialVerifier(scheme, secrets);
}

/**
 * The headers that make a request genuine, as its sender would add them: the signature and its time, or the credential.
 * `headers`, with names in lower case, holds what the scheme signs beside; a time that is there already stays.
 * @throws TypeError where something that is signed is not there
 */
export function signRequest(
  scheme: Scheme,
  secret: Secret,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array; readonly nowMs: number },
): Record<string, string> {
  if (scheme.kind === 'credential') return { [scheme.header]: writeCredential(scheme.form, secret.reveal()) };
  const seconds = String(Math.floor(request.nowMs / 1000));
  const { timestamp } = scheme;
  const added: Record<string, string> = {};
  if (timestamp !== null && 'header' in timestamp && request.headers[timestamp.header] === undefined) added[timestamp.header] = seconds;
  const headers = headersFromRecord({ ...request.headers, ...added });
  const isEntry = timestamp !== null && 'entry' in timestamp;
  return { ...added, [scheme.header]: sign(scheme, secret, headers, request.body, isEntry ? seconds : undefined) };
}
