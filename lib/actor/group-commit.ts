import type { Clock } from '../core/clock.ts';

/**
 * Collects items and hands all that came meanwhile to one call at a time: alone an item costs one call, under load the
 * calls group themselves.
 */
export interface GroupCommitOptions {
  /**
   * From the beginning of one call to that of the next at least, while the calls have more than one item. A call costs much and one
   * item more in it little, so calls that follow each other as fast as they can leave the processor for nothing else. (Default: 0)
   */
  readonly paceMs?: number;
  readonly clock?: Clock;
}

/** Past this waiting makes a call hardly cheaper per item. Below an actor's usual handlers at once, all of which may wait for it. */
const FULL = 24;

export class GroupCommit<Item> {
  readonly #commit: (items: Item[]) => Promise<void>;
  readonly #paceMs: number;
  readonly #clock: Clock | undefined;
  #waiting: Item[] = [];
  #running: Promise<void> | undefined;
  #begunAt = -Infinity;
  #lastSize = 0;

  /** `commit` must settle every item itself and never reject. */
  constructor(commit: (items: Item[]) => Promise<void>, { paceMs = 0, clock }: GroupCommitOptions = {}) {
    this.#commit = commit;
    this.#paceMs = paceMs;
    this.#clock = clock;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is waiting and no call is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // One turn of the event loop later: what this turn brings, and what the last commit has let go on, goes along.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#paceMs > 0) await this.#keepPace();
      const items = this.#waiting;
      this.#waiting = [];
      this.#lastSize = items.length;
      await this.#commit(items);
    }
    this.#running = undefined;
  }

  /** One after the other (of one key, say) they wait for nothing. */
  async #keepPace(): Promise<void> {
    const clock = this.#clock;
    if (clock === undefined) return;
    const restMs = Math.ceil(this.#begunAt + this.#paceMs - clock.monotonic());
    const isShared = this.#lastSize > 1 || this.#waiting.length > 1;
    if (restMs > 0 && isShared && this.#waiting.length < FULL) await new Promise<void>((resolve) => clock.after(restMs, resolve));
    this.#begunAt = clock.monotonic();
  }
}
