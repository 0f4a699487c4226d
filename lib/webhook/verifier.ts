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

export interface SignableRequest {
  /** With names in lower case: what the scheme signs beside the body has to be among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly nowMs: number;
  /** The time of sending as it is written. (Default: `nowMs` in seconds) */
  readonly timestamp?: string;
}

/**
 * The headers that make a request genuine, as its sender would add them: the signature and its time, or the credential. A time
 * that is in a header already stays.
 * @throws TypeError where something that is signed is not there
 */
export function signRequest(scheme: Scheme, secret: Secret, request: SignableRequest): Record<string, string> {
  if (scheme.kind === 'credential') return { [scheme.header]: writeCredential(scheme.form, secret.reveal()) };
  const seconds = request.timestamp ?? String(Math.floor(request.nowMs / 1000));
  const { timestamp } = scheme;
  const added: Record<string, string> = {};
  if (timestamp !== null && 'header' in timestamp && request.headers[timestamp.header] === undefined) added[timestamp.header] = seconds;
  const headers = headersFromRecord({ ...request.headers, ...added });
  const isEntry = timestamp !== null && 'entry' in timestamp;
  return { ...added, [scheme.header]: sign(scheme, secret, headers, request.body, isEntry ? seconds : undefined) };
}
