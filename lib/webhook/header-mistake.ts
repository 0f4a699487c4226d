import type { Mistake } from '../core/app-error.ts';
import { MAX_SIGNATURES, type Refusal, type VerifyFailure } from './signature.ts';

/**
 * What a sender may be told of its own request: it sees that without us, and the names of the headers are in its provider's
 * documentation. Left out is all that is found out with our clock or a secret: whoever tries some would learn from it.
 */
const TOLD: Readonly<Partial<Record<VerifyFailure, string>>> = {
  no_signature: 'expected a signature, got nothing',
  no_credential: 'expected a credential, got nothing',
  missing_header: 'expected a value, because it is signed, got nothing',
  duplicate_header: 'expected it once, got it several times',
  malformed_signature: "expected a signature in the source's form, got something else",
  malformed_credential: "expected a credential in the source's form, got something else",
  too_many_signatures: `expected at most ${MAX_SIGNATURES} signatures, got more`,
  malformed_timestamp: 'expected a time in Unix seconds, got something else',
};

/** @returns undefined where the sender learns only that it was not verified */
export function headerMistake({ reason, header }: Refusal): Required<Pick<Mistake, 'header' | 'detail'>> | undefined {
  const detail = TOLD[reason];
  return detail === undefined || header === undefined ? undefined : { header, detail };
}
