import type { Clock } from './clock.ts';

/** Time that passes only when a test says so; what is due runs in its order, and what it leads to runs before the next. */
export class ManualClock implements Clock {
  readonly #startedAt: number;
  #now = 0;
  #lastId = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();

  /** @param startedAt wall clock at its beginning, milliseconds since the epoch (Default: 0) */
  constructor(startedAt = 0) {
    this.#startedAt = startedAt;
  }

  now(): number {
    return this.#startedAt + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const id = (this.#lastId += 1);
    this.#timers.set(id, { at: this.#now + delayMs, callback });
    return () => void this.#timers.delete(id);
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      const [id, { at, callback }] = next;
      this.#timers.delete(id);
      this.#now = at;
      callback();
      await settled();
    }
    this.#now = until;
  }

  /** Time stands still, and the event loop turns: for what lets others go in between. */
  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await settled();
  }

  #next(until: number) {
    let first: [number, { at: number; callback: () => void }] | undefined;
    for (const timer of this.#timers) if (timer[1].at <= until && (first === undefined || timer[1].at < first[1].at)) first = timer;
    return first;
  }
}

/** Promises that wait only for each other are through after one turn of the event loop. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
