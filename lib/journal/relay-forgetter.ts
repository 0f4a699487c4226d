import type { Clock } from '../core/clock.ts';
import { failPoint } from './fail-point.ts';
import type { Journal } from './journal.ts';

/**
 * Lets the journal forget what the log has confirmed, in groups: what comes while a group is under way goes together into the
 * next one. A group that the journal cannot write now (its disk is full) is tried again; until then its numbers are `pending`.
 */
export interface RelayForgetter {
  add(number: number): void;
  /** Confirmed, and still in the journal. */
  isPending(number: number): boolean;
  readonly size: number;
  /** Resolves when nothing is under way; at once where the journal does not take it now. */
  idle(): Promise<void>;
  stop(): void;
}

export interface RelayForgetterOptions {
  readonly journal: Pick<Journal, 'forget'>;
  readonly clock: Clock;
  /** Where reading back would have to begin now, see `RelaySession.readBackFrom`. */
  readonly readBackFrom: () => number;
  readonly onFailed: (error: unknown) => void;
}

const RETRY_MS = 250;

export function createRelayForgetter(options: RelayForgetterOptions): RelayForgetter {
  const { journal, clock, readBackFrom, onFailed } = options;
  const pending = new Set<number>();
  let running: Promise<void> | undefined;
  let cancelRetry: (() => void) | undefined;
  let isStopped = false;

  function pump(): void {
    if (isStopped || cancelRetry !== undefined) return;
    running ??= drain().finally(() => {
      running = undefined;
    });
  }

  async function drain(): Promise<void> {
    while (pending.size > 0 && !isStopped) {
      const numbers = [...pending];
      const logSeq = readBackFrom();
      failPoint('relay.before-forget');
      try {
        await journal.forget(numbers.map((number) => ({ number, logSeq })));
      } catch (error) {
        onFailed(error);
        cancelRetry = clock.after(RETRY_MS, () => {
          cancelRetry = undefined;
          pump();
        });
        return;
      }
      failPoint('relay.forgotten');
      for (const number of numbers) pending.delete(number);
    }
  }

  return {
    add(number) {
      pending.add(number);
      pump();
    },
    isPending: (number) => pending.has(number),
    get size() {
      return pending.size;
    },
    async idle() {
      while (running !== undefined) await running;
    },
    stop() {
      isStopped = true;
      cancelRetry?.();
    },
  };
}
