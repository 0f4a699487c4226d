/** One limit of time for very many promises: a timer for each would cost as much as what it waits for. */
export interface Deadlines {
  /** As the promise, or rejects with what `late` gives when the limit is over: up to a twentieth of it before its end. */
  race<Value>(promise: Promise<Value>, late: () => Error): Promise<Value>;
}

interface Waiting {
  readonly dueAt: number;
  readonly giveUp: () => void;
}

/** Looked at this many times within the limit. */
const LOOKS = 20;

/** @param timeoutMs the limit */
export function createDeadlines(timeoutMs: number): Deadlines {
  const lookMs = Math.max(1, timeoutMs / LOOKS);
  const all = new Set<Waiting>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const now = performance.now();
    for (const waiting of all) {
      // In the order of their beginning.
      if (waiting.dueAt > now) break;
      all.delete(waiting);
      waiting.giveUp();
    }
    if (all.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    race(promise, late) {
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { dueAt: performance.now() + timeoutMs - lookMs, giveUp: () => reject(late()) };
        all.add(waiting);
        timer ??= setInterval(look, lookMs);
        promise.then(
          (value) => {
            all.delete(waiting);
            resolve(value);
          },
          (error: unknown) => {
            all.delete(waiting);
            reject(error as Error);
          },
        );
      });
    },
  };
}
