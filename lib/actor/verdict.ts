/**
 * What a handler decided about its message. A throw means `retry`. `state`: what its key has from now on, null for nothing more;
 * without it the state stays as it is.
 */
export type Verdict<State = never> =
  | { readonly kind: 'done'; readonly state?: State | null }
  | { readonly kind: 'retry'; readonly because: string; readonly afterMs?: number; readonly detail?: unknown }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly because: string; readonly detail?: unknown }
  | { readonly kind: 'park'; readonly until: number; readonly because: string };

/**
 * Why a message became a dead letter.
 * - `invalid`: it does not fit the actor's input, or cannot be worked with
 * - `refused`: the destination said no for good
 * - `gone`: the destination does not exist any more
 * - `exhausted`: every attempt failed
 * - `crashed`: its handler killed the process, or blocked it, each time
 * - `expired`: it waited longer than the log keeps it
 * - `no-handler`: no live process has this actor
 */
export const REJECT_REASONS = ['invalid', 'refused', 'gone', 'exhausted', 'crashed', 'expired', 'no-handler'] as const;

export type RejectReason = (typeof REJECT_REASONS)[number];

/** Its work is done. `state` is settled together with the message: both or neither, and once. */
export function done<State = never>(result?: { readonly state: State | null }): Verdict<State> {
  return result === undefined ? { kind: 'done' } : { kind: 'done', state: result.state };
}

/** Try again. `afterMs` (a Retry-After) overrides the actor's own backoff. */
export function retry(options: { because: string; afterMs?: number; detail?: unknown }): Verdict {
  return { kind: 'retry', ...options };
}

/** Give up for good: the message becomes a dead letter with its reason, and its key goes on. */
export function reject(reason: RejectReason, because: string, detail?: unknown): Verdict {
  return { kind: 'reject', reason, because, ...(detail === undefined ? {} : { detail }) };
}

/** Wait until a moment (milliseconds since the epoch); not an attempt. */
export function park(until: number, because: string): Verdict {
  return { kind: 'park', until, because };
}
