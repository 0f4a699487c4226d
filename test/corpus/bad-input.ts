import type { RawRequest } from './raw-request.ts';

/**
 * One row of the corpus: an input, and what each door answers to it, as `<status> <code> <pointer>...`. A status of 0 is a
 * connection that was closed without an answer. Good inputs that look bad are rows too: they have to be taken.
 */
export interface BadInput {
  readonly name: string;
  /** The bytes on the wire, or the request that they are made of. */
  readonly request: (door: Door) => RawRequest | Uint8Array;
  /** Of `POST /hooks/github`, with a signature that is right for the body wherever the row does not say otherwise. */
  readonly hooks: string;
  /** Of `POST /v1/events`, with a key that is right; undefined where the row is about webhooks alone. */
  readonly events: string | undefined;
}

/** A door, and how a request to it looks that it would take. */
export interface Door {
  readonly path: string;
  /** The headers that hold the sender's id of the event, and what shows who it is; lower case. */
  readonly idHeader: string;
  readonly credentialHeader: string;
  /** A genuine request with this body. (Default: a body that is taken) */
  good(body?: string | Uint8Array): RawRequest;
}
