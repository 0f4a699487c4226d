import { Worker } from 'node:worker_threads';
import { exposeInHand } from './in-hand.ts';

/** Shared with the worker: what the main thread's heartbeat counts. */
export interface WatchdogData {
  readonly beats: SharedArrayBuffer;
  readonly blockedMs: number;
  readonly checkMs: number;
  readonly program: string;
  /** What it has done is noted there, for the next start. */
  readonly noteFile: string;
}

/** Checks per limit: the kill comes at most a tenth of the limit late. */
const CHECKS_PER_LIMIT = 10;

/**
 * Watches the event loop from a thread of its own. A loop that is blocked longer than `blockedMs` (a handler in an endless
 * loop, a regular expression that never ends) cannot be interrupted from inside, so the thread asks where it stands, writes one
 * line to the standard error with the message in hand and the stack, and kills the process with SIGKILL. The time is counted in the watcher's own ticks: a process that was
 * stopped as a whole (SIGSTOP, a suspended machine) was not blocked.
 *
 * Returns the function that ends the watch. `blockedMs` 0 watches nothing.
 */
export function startWatchdog(program: string, blockedMs: number, noteFile: string): () => Promise<void> {
  if (blockedMs === 0) return () => Promise.resolve();
  exposeInHand();
  const checkMs = Math.max(10, Math.floor(blockedMs / CHECKS_PER_LIMIT));
  const beats = new SharedArrayBuffer(4);
  const counter = new Int32Array(beats);
  const heartbeat = setInterval(() => Atomics.add(counter, 0, 1), Math.max(5, Math.floor(checkMs / 2)));
  heartbeat.unref();
  const workerData: WatchdogData = { beats, blockedMs, checkMs, program, noteFile };
  const worker = new Worker(new URL('./watchdog-worker.ts', import.meta.url), {
    name: 'watchdog',
    workerData,
    // It holds three numbers, and at the end what the debugger says of every loaded file: were it short of memory, nobody would end the process.
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
  });
  worker.unref();
  return async () => {
    clearInterval(heartbeat);
    await worker.terminate();
  };
}
