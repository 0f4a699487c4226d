/**
 * How fast the relay may go: a bucket of tokens, filled at `maxPerSecond`, or as fast as events are accepted where that is
 * faster. So a backlog drains at a bounded rate beside the live traffic, and live traffic alone never becomes a backlog.
 */
export interface RelayPace {
  /** How many may go now. */
  available(): number;
  take(count: number): void;
}

export interface RelayPaceOptions {
  readonly maxPerSecond: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The number of the event that was accepted last; asked a few times a second. */
  readonly lastNumber: () => number;
}

/** Long enough to be an average, short enough to follow a burst before many wait for it. */
const RATE_WINDOW_MS = 250;
/** A little faster than acceptance, so that what waits already gets less. */
const HEADROOM = 1.25;
/** What a quiet relay may send at once: a burst this long at full rate. */
const BURST_MS = 100;

export function createRelayPace({ maxPerSecond, now, lastNumber }: RelayPaceOptions): RelayPace {
  let measuredAt = now();
  let measuredNumber = lastNumber();
  let filledAt = measuredAt;
  let perSecond = maxPerSecond;
  let tokens = burst(perSecond);

  return {
    available() {
      const at = now();
      const elapsed = at - measuredAt;
      if (elapsed >= RATE_WINDOW_MS) {
        const number = lastNumber();
        perSecond = Math.max(maxPerSecond, ((number - measuredNumber) * 1_000 * HEADROOM) / elapsed);
        measuredAt = at;
        measuredNumber = number;
      }
      tokens = Math.min(burst(perSecond), tokens + (perSecond * (at - filledAt)) / 1_000);
      filledAt = at;
      return Math.floor(tokens);
    },
    take(count) {
      tokens -= count;
    },
  };
}

function burst(perSecond: number): number {
  return Math.max(1, (perSecond * BURST_MS) / 1_000);
}
