/** One request for a change. */
export interface Change {
  /** Inside the transaction; may be called again in a later one where the first did not come to the disk. */
  readonly apply: () => void;
  readonly committed: () => void;
  readonly failed: (error: unknown) => void;
  /** Makes room rather than takes it: where a transaction fails it is tried once more on its own. */
  readonly frees: boolean;
}

export interface GroupCommitOptions {
  /** Runs the callback in a transaction; resolves when it is on the disk. */
  readonly transact: (callback: () => void) => Promise<unknown>;
  /** Around the changes, in the same transaction. */
  readonly before: () => void;
  readonly after: (changes: number) => void;
  /** Called when each of the changes was told. */
  readonly committed: (changes: number) => void;
  readonly failed: (error: unknown) => void;
  /** Gives back the bytes that were kept for this. */
  readonly releaseReserve: () => void;
}

export interface GroupCommit {
  add(change: Change): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/**
 * Group commit: one transaction at a time, and everything that is offered meanwhile goes into the next one. So the cost of a flush
 * is shared by as many as wait for it, and nobody waits for more than two.
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let waiting: Change[] = [];
  let running: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting.length > 0) await commitWaiting();
    // In the same turn as the last look, or what is offered in between would wait for the next call.
    running = undefined;
  }

  async function commitWaiting(): Promise<void> {
    let taken: Change[] = [];
    const error = await tryCommit(() => {
      // As late as possible: what is offered while the transaction begins goes into it.
      [taken, waiting] = [waiting, []];
      return taken;
    });
    if (error === undefined) return;
    // It could not even begin.
    if (taken.length === 0) [taken, waiting] = [waiting, []];
    const freeing = taken.filter(({ frees }) => frees);
    // A full disk has several names: ENOSPC, EDQUOT, LMDB's own, and EIO where a write was cut short.
    if (freeing.length > 0) options.releaseReserve();
    const isFreed = freeing.length > 0 && (await tryCommit(() => freeing)) === undefined;
    for (const change of taken) if (!(isFreed && change.frees)) change.failed(error);
  }

  /** @returns the error; undefined where the changes are on the disk */
  async function tryCommit(take: () => readonly Change[]): Promise<unknown> {
    let changes: readonly Change[] = [];
    try {
      await options.transact(() => {
        changes = take();
        options.before();
        for (const change of changes) change.apply();
        options.after(changes.length);
      });
    } catch (error) {
      options.failed(error);
      return error ?? new Error('The transaction failed');
    }
    for (const change of changes) change.committed();
    options.committed(changes.length);
    return undefined;
  }

  return {
    add(change) {
      waiting.push(change);
      running ??= drain();
    },
    async settled() {
      while (running) await running;
    },
  };
}
