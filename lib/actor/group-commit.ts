/**
 * Collects items and hands all that came meanwhile to one call at a time: alone an item costs one call, under load the
 * calls group themselves. No timer is involved.
 */
export class GroupCommit<Item> {
  readonly #commit: (items: Item[]) => Promise<void>;
  #waiting: Item[] = [];
  #running: Promise<void> | undefined;

  /** `commit` must settle every item itself and never reject. */
  constructor(commit: (items: Item[]) => Promise<void>) {
    this.#commit = commit;
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
      const items = this.#waiting;
      this.#waiting = [];
      await this.#commit(items);
    }
    this.#running = undefined;
  }
}
