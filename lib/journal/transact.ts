import type { Environment } from './environment.ts';

/** The library tells the cause of a failed commit a moment later than the failure. */
const CAUSE_WAIT_MS = 1_000;

export interface TransactOptions {
  /** A flush of a slow disk takes seconds; one that takes longer than this does not come back. */
  readonly deadlineMs: number;
  /** Called at the deadline. The promise goes on waiting: whether the transaction is committed is not known. */
  readonly onStuck: () => void;
}

/**
 * Runs the callback in a write transaction, and resolves when it is on the disk.
 *
 * The library commits what a callback has written before it threw. So the callback runs in a child transaction, which is dropped then (its
 * cost is below what can be measured beside a commit). It is begun inside of the callback: a child that the library begins itself crashes the process
 * where its own commit fails.
 * @throws what the callback threw, or the cause of a failed commit, with LMDB's or the system's number as `code`: then nothing of it is stored
 */
export async function transact({ root }: Environment, callback: () => void, { deadlineMs, onStuck }: TransactOptions): Promise<void> {
  const timer = setTimeout(onStuck, deadlineMs);
  try {
    await root.transaction(() => root.childTransaction(callback));
  } catch (error) {
    throw await causeOf(error);
  } finally {
    clearTimeout(timer);
  }
}

async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  const { commitError } = error;
  if (!(commitError instanceof Promise)) return error;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise((resolve) => {
    timer = setTimeout(resolve, CAUSE_WAIT_MS, error);
  });
  const cause = await Promise.race([commitError.catch((reason: unknown) => reason), tooLate]);
  clearTimeout(timer);
  return cause;
}
