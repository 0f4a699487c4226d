import { Worker } from 'node:worker_threads';

/** Shared with the worker: what the main thread's heartbeat counts. */
export interface WatchdogData {
  readonly beats: SharedArrayBuffer;
  readonly blockedMs: number;
  readonly checkMs: number;
  readonly program: string;
}

/** Checks per limit: the kill comes at most a tenth of the limit late. */
const CHECKS_PER_LIMIT = 10;

/**
 * Watches the event loop from a thread of its own. A loop that is blocked longer than `blockedMs` (a handler in an endless
 * loop, a regular expression that never ends) cannot be interrupted from inside, so the thread writes one line to the
 * standard error and kills the process with SIGKILL. The time is counted in the watcher's own ticks: a process that was
 * stopped as a whole (SIGSTOP, a suspended machine) was not blocked.
 *
 * Returns the function that ends the watch. `blockedMs` 0 watches nothing.
 */
export function startWatchdog(program: string, blockedMs: number): () => Promise<void> {
  if (blockedMs === 0) return () => Promise.resolve();
  const checkMs = Math.max(10, Math.floor(blockedMs / CHECKS_PER_LIMIT));
  const beats = new SharedArrayBuffer(4);
  const counter = new Int32Array(beats);
  const heartbeat = setInterval(() => Atomics.add(counter, 0, 1), Math.max(5, Math.floor(checkMs / 2)));
  heartbeat.unref();
  const workerData: WatchdogData = { beats, blockedMs, checkMs, program };
  const worker = new Worker(new URL('./watchdog-worker.ts', import.meta.url), {
    name: 'watchdog',
    workerData,
    // It holds three numbers.
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
  return async () => {
    clearInterval(heartbeat);
    await worker.terminate();
  };
}
