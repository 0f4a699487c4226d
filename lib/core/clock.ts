/** Time, injected, so that scheduling can be tested by a manual clock. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump. */
  now(): number;
  /** Monotonic milliseconds; for every interval, deadline and lease. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels and may be called at any time, also twice. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
