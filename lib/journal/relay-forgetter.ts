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

/** Each group is an fsync of the disk that acceptance waits for: 40 in a second, not one per event. */
const GROUP_MS = 25;
const RETRY_MS = 250;

export function createRelayForgetter(options: RelayForgetterOptions): RelayForgetter {
  const { journal, clock, readBackFrom, onFailed } = options;
  const pending = new Set<number>();
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let isStopped = false;

  function later(delayMs: number): void {
    if (isStopped || cancel !== undefined) return;
    cancel = clock.after(delayMs, () => {
      cancel = undefined;
      void forget();
    });
  }

  function forget(): Promise<void> {
    running ??= forgetGroup().finally(() => {
      running = undefined;
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
      onFailed(error);
      return later(RETRY_MS);
    }
    failPoint('relay.forgotten');
    for (const number of numbers) pending.delete(number);
    if (pending.size > 0) later(GROUP_MS);
  }

  return {
    add(number) {
      pending.add(number);
      later(GROUP_MS);
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
