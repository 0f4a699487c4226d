/** Runs what it is given one after the other, in the order given. */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `work` does; the next one begins then in any case. */
  run<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
