import { setTimeout as sleep } from 'node:timers/promises';

export interface PollOptions {
  readonly deadlineMs: number;
  /** (Default: 25: a local server is ready within a few of these) */
  readonly everyMs?: number;
  /** What is waited for, for the error's sentence. */
  readonly what: string;
}

/**
 * Asks until the answer is not `undefined`.
 * A probe that throws counts as "not yet"; its error is the cause when the deadline passes.
 */
export async function poll<T>(probe: () => Promise<T | undefined> | T | undefined, options: PollOptions): Promise<T> {
  const end = performance.now() + options.deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${options.deadlineMs} ms for ${options.what}`, { cause });
    }
    await sleep(options.everyMs ?? 25);
  }
}
