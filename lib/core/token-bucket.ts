/** Lets `burst` through at once and `ratePerSecond` from then on. */
export interface TokenBucket {
  /** Whether one more may pass now; it is counted when it may. `nowMs` is any clock that never goes back. */
  take(nowMs: number): boolean;
}

/** A full bucket. `burst` at least 1. */
export function createTokenBucket(options: { readonly ratePerSecond: number; readonly burst: number }): TokenBucket {
  const { ratePerSecond, burst } = options;
  let tokens = burst;
  let filledAtMs = 0;
  return {
    take(nowMs) {
      tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * ratePerSecond) / 1_000);
      filledAtMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
