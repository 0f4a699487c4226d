import type { VerifyFailure } from '../../lib/webhook/signature.ts';

/** A request that is not genuine, and why it is found out. */
export interface Forged {
  readonly name: string;
  /** Name and value, as they are sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly reason: VerifyFailure;
  /** What the door answers where it is not the 401: something in front refuses it already. */
  readonly refusedBefore?: 400 | 431;
}
