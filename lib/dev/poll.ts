import { setTimeout as sleep } from 'node:timers/promises';

export interface PollOptions {
  /** Of time in which this process runs: while it stands still, what it waits for may, too. */
  readonly deadlineMs: number;
  /** (Default: 25: a local server is ready within a few of these) */
  readonly everyMs?: number;
  /** What is waited for, for the error's sentence. */
  readonly what: string;
}

/** A pause that took longer than this was no pause: the machine had no processor for us, and the timers of what we wait for are as late. */
const LONGEST_PAUSE_MS = 250;

/**
 * Asks until the answer is not `undefined`.
 * A probe that throws counts as "not yet"; its error is the cause when the deadline passes.
 */
export async function poll<T>(probe: () => Promise<T | undefined> | T | undefined, options: PollOptions): Promise<T> {
  const { deadlineMs, everyMs = 25, what } = options;
  let leftMs = deadlineMs;
  let cause: unknown;
  for (;;) {
    const askedAt = performance.now();
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    const answeredAt = performance.now();
    leftMs -= answeredAt - askedAt;
    if (leftMs <= 0) throw new Error(`waited ${deadlineMs} ms for ${what}`, { cause });
    await sleep(everyMs);
    leftMs -= Math.min(performance.now() - answeredAt, everyMs + LONGEST_PAUSE_MS);
  }
}
