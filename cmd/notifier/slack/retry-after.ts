/** A wait beyond a day is a mistake of the other side, and would be indistinguishable from a loss. */
export const MAX_RETRY_AFTER_MS = 86_400_000;

/** An HTTP date in its one current form (RFC 9110 5.6.7, IMF-fixdate); `Date.parse` alone would take almost anything. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * How long `Retry-After` (RFC 9110 10.2.3) asks to wait, milliseconds, at most a day. Undefined where it says nothing that
 * helps: missing, garbage, negative, zero, a moment that has passed; then one's own backoff holds.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : HTTP_DATE.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  return waitMs > 0 ? Math.min(waitMs, MAX_RETRY_AFTER_MS) : undefined;
}
