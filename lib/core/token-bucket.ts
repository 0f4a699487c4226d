/** Lets `burst` through at once and `ratePerSecond` from then on. */
export interface TokenBucket {
  /**
   * Whether one more may pass now; it is counted when it may. `nowMs` is any clock that never goes back; `cost` is what it takes out,
   * at most the whole burst. (Default: 1)
   */
  take(nowMs: number, cost?: number): boolean;
}

/** A full bucket. `burst` at least 1. */
export function createTokenBucket(options: { readonly ratePerSecond: number; readonly burst: number }): TokenBucket {
  const { ratePerSecond, burst } = options;
  let tokens = burst;
  let filledAtMs = 0;
  return {
    take(nowMs, cost = 1) {
      tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * ratePerSecond) / 1_000);
      filledAtMs = nowMs;
      const price = Math.min(cost, burst);
      if (tokens < price) return false;
      tokens -= price;
      return true;
    },
  };
}
