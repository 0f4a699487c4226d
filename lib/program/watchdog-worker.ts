import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.ts';
import { lookAtMainThread } from './watchdog-look.ts';
import { readWatchdogNote, writeWatchdogNote } from './watchdog-note.ts';

const { beats, blockedMs, checkMs, program, noteFile } = workerData as WatchdogData;
const counter = new Int32Array(beats);

/** A debugger answers within some 100 ms, and within a second where ten others want the machine; past this the process had better end. */
const LOOK_MS = 2_000;

let last = Atomics.load(counter, 0);
let silentMs = 0;

function check(): void {
  const now = Atomics.load(counter, 0);
  silentMs = now === last ? silentMs + checkMs : 0;
  last = now;
  if (silentMs < blockedMs) return;
  clearInterval(checking);
  void end(silentMs);
}

async function end(ms: number): Promise<void> {
  try {
    const { inHand, stack } = await lookAtMainThread(LOOK_MS);
    const at = new Date().toISOString();
    // The standard error, directly: the main thread cannot log for us.
    writeSync(2, `${JSON.stringify({ level: 'fatal', time: at, program, msg: 'event loop blocked', ms, ...inHand, stack })}\n`);
    writeWatchdogNote(noteFile, { count: (readWatchdogNote(noteFile)?.count ?? 0) + 1, at, inHand, isTold: false });
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}

const checking = setInterval(check, checkMs);
