/**
 * How fast the relay may go: a bucket of tokens, filled at `maxPerSecond`, or as fast as events are accepted where that is
 * faster. So a backlog drains at a bounded rate beside the live traffic, and live traffic alone never becomes a backlog. Where
 * much is accepted, what may go goes in groups. A process that can do no more accepts first: what is accepted is safe, and goes
 * later.
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
  /** The share of the time since it was asked last in which the process was at work, 0 to 1. (Default: never at its limit) */
  readonly busyShare?: () => number;
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

/** Above it requests wait for each other; the rest is the wait for the disk. */
const BUSY_SHARE = 0.7;
/** Of `maxPerSecond`, for a process at its limit: the log goes on, and costs the door less than a tenth of its time. */
const YIELDED_SHARE = 0.1;
/** Fewer and larger groups then: they cost the broker, which may have the same processors, a fsync each. */
const YIELDED_GROUP_MS = 100;

export function createRelayPace({ maxPerSecond, now, lastNumber, busyShare = () => 0 }: RelayPaceOptions): RelayPace {
  let measuredAt = now();
  let measuredNumber = lastNumber();
  let filledAt = measuredAt;
  let perSecond = maxPerSecond;
  let tokens = burst(perSecond);
  let groupMs = 0;
  let groupAt = -Infinity;

  function measure(at: number, elapsed: number): void {
    const number = lastNumber();
    const acceptedPerSecond = ((number - measuredNumber) * 1_000) / elapsed;
    const isYielding = busyShare() > BUSY_SHARE && acceptedPerSecond > GROUPS_FROM_PER_SECOND;
    perSecond = isYielding ? maxPerSecond * YIELDED_SHARE : Math.max(maxPerSecond, acceptedPerSecond * HEADROOM);
    groupMs = isYielding ? YIELDED_GROUP_MS : acceptedPerSecond > GROUPS_FROM_PER_SECOND ? GROUP_MS : 0;
    measuredAt = at;
    measuredNumber = number;
  }

  return {
    available() {
      const at = now();
      const elapsed = at - measuredAt;
      if (elapsed >= RATE_WINDOW_MS) measure(at, elapsed);
      tokens = Math.min(burst(perSecond), tokens + (perSecond * (at - filledAt)) / 1_000);
      filledAt = at;
      if (at - groupAt < groupMs) return 0;
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
