/** When a failed attempt is tried again; undefined when it is not. */
export interface RetryPolicy {
  /**
   * Started handlers at most, from 1. A message that ends its process is started at least three times: of the first two
   * starts it is not certain that they came to be.
   */
  readonly attempts: number;
  /** The wait after attempt number `attempt` (from 1) failed. `random` is uniform in [0, 1). */
  delayMs(attempt: number, random: number): number;
}

/**
 * Exponential backoff with full jitter: uniform between 0 and min(maxMs, baseMs * 2^(attempt-1))
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export function exponential(options: { attempts: number; baseMs: number; maxMs: number }): RetryPolicy {
  const { attempts, baseMs, maxMs } = options;
  if (!Number.isInteger(attempts) || attempts < 1) throw new TypeError(`attempts: expected an integer from 1, got ${attempts}`);
  if (!(baseMs > 0 && baseMs <= maxMs)) throw new TypeError(`baseMs: expected more than 0 and at most maxMs (${maxMs}), got ${baseMs}`);
  return { attempts, delayMs: (attempt, random) => random * Math.min(maxMs, baseMs * 2 ** (attempt - 1)) };
}
