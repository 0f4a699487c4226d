import { randomHex } from '../core/random-hex.ts';

/** W3C Trace Context 1, version 00. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ZEROS = /^0+$/;

/** Goes on with the sender's trace as a new span, or begins one where it sent none that is valid. */
export function continueTrace(incoming: string | undefined): string {
  const [, traceId, parentId, flags] = TRACEPARENT.exec(incoming ?? '') ?? [];
  const spanId = randomHex(8);
  if (traceId === undefined || parentId === undefined || ZEROS.test(traceId) || ZEROS.test(parentId))
    return `00-${randomHex(16)}-${spanId}-01`;
  return `00-${traceId}-${spanId}-${flags ?? '01'}`;
}
