import type { Clock } from '../core/clock.ts';
import { failPoint } from './fail-point.ts';
import type { Journal } from './journal.ts';

/**
 * Lets the journal forget what the log has confirmed, in groups. A group that the journal cannot write now (its disk is
 * full) is tried again; until then its numbers are `pending`. Nothing depends on forgetting soon: what a crash leaves is
 * found when the log is read back.
 */
export interface RelayForgetter {
  add(number: number): void;
  /** Confirmed, and still in the journal. */
  isPending(number: number): boolean;
  /** Forgets at once what is pending. Resolves when it is forgotten, or when the journal does not take it now. */
  flush(): Promise<void>;
  /** May be called twice. */
  stop(): void;
}

export interface RelayForgetterOptions {
  readonly journal: Pick<Journal, 'forget'>;
  readonly clock: Clock;
  /** See `Confirmed.logSeq`. */
  readonly readBackFrom: () => number;
  readonly onFailed: (error: unknown) => void;
}

/** Each group is an fsync of the disk that acceptance waits for, and costs the processor as much as storing an event: five in a second, not one per event. */
const GROUP_MS = 200;
/** So many at once take a millisecond or two, in which nobody is answered. Under full load they come 40 times in a second. */
const GROUP_RECORDS = 128;
const RETRY_MS = 250;

export function createRelayForgetter(options: RelayForgetterOptions): RelayForgetter {
  const { journal, clock, readBackFrom, onFailed } = options;
  const pending = new Set<number>();
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let isRetrying = false;
  let isStopped = false;

  function later(delayMs: number): void {
    if (cancel !== undefined) return;
    cancel = clock.after(delayMs, () => {
      cancel = undefined;
      void forget();
    });
  }

  function go(): void {
    if (isStopped) return;
    if (pending.size >= GROUP_RECORDS && !isRetrying) void forget();
    else if (pending.size > 0) later(isRetrying ? RETRY_MS : GROUP_MS);
  }

  function forget(): Promise<void> {
    running ??= forgetGroup().finally(() => {
      running = undefined;
      go();
    });
    return running;
  }

  async function forgetGroup(): Promise<void> {
    if (isStopped || pending.size === 0) return;
    const numbers = [...pending];
    const logSeq = readBackFrom();
    failPoint('relay.before-forget');
    try {
      await journal.forget(numbers.map((number) => ({ number, logSeq })));
    } catch (error) {
      isRetrying = true;
      return onFailed(error);
    }
    isRetrying = false;
    failPoint('relay.forgotten');
    for (const number of numbers) pending.delete(number);
  }

  return {
    add(number) {
      pending.add(number);
      if (running === undefined) go();
    },
    isPending: (number) => pending.has(number),
    async flush() {
      // The one that is under way began without the last ones.
      await running;
      await forget();
    },
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
