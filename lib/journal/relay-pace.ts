/**
 * How fast the relay may go: a bucket of tokens, filled at `maxPerSecond`, or as fast as events are accepted where that is
 * faster. So a backlog drains at a bounded rate beside the live traffic, and live traffic alone never becomes a backlog. Where
 * much is accepted, what may go goes in groups.
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

/** From this rate of acceptance on, an event that waits for others costs it less than its own fsync costs the broker and the disk that both may share. */
const GROUPS_FROM_PER_SECOND = 1_000;
/** From one group to the next: 20 events at that rate, 200 at ten times as much, which is what one atomic batch takes. */
const GROUP_MS = 20;

export function createRelayPace({ maxPerSecond, now, lastNumber }: RelayPaceOptions): RelayPace {
  let measuredAt = now();
  let measuredNumber = lastNumber();
  let filledAt = measuredAt;
  let perSecond = maxPerSecond;
  let tokens = burst(perSecond);
  let acceptedPerSecond = 0;
  let groupAt = -Infinity;

  return {
    available() {
      const at = now();
      const elapsed = at - measuredAt;
      if (elapsed >= RATE_WINDOW_MS) {
        const number = lastNumber();
        acceptedPerSecond = ((number - measuredNumber) * 1_000) / elapsed;
        perSecond = Math.max(maxPerSecond, acceptedPerSecond * HEADROOM);
        measuredAt = at;
        measuredNumber = number;
      }
      tokens = Math.min(burst(perSecond), tokens + (perSecond * (at - filledAt)) / 1_000);
      filledAt = at;
      if (acceptedPerSecond > GROUPS_FROM_PER_SECOND && at - groupAt < GROUP_MS) return 0;
      groupAt = at;
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
