import { parentPort, workerData } from 'node:worker_threads';

/**
 * Ticks at a rate, from a thread of its own: a timer of the event loop has whole milliseconds, and is late when the loop is
 * busy. Says nothing but that something is due; whoever hears it looks at the clock.
 */
const { perSecond } = workerData as { perSecond: number };

/** A request may be this late: half a millisecond is little beside what is measured, and costs 2,000 wake-ups a second at most. */
const FINEST_MS = 0.5;

const everyMs = Math.max(FINEST_MS, 1_000 / perSecond);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const startedAt = performance.now();
for (let tick = 1; ; tick += 1) {
  const waitMs = startedAt + tick * everyMs - performance.now();
  if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
  parentPort?.postMessage(0);
}
