import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.ts';

const { beats, blockedMs, checkMs, program } = workerData as WatchdogData;
const counter = new Int32Array(beats);

let last = Atomics.load(counter, 0);
let silentMs = 0;

function check(): void {
  const now = Atomics.load(counter, 0);
  silentMs = now === last ? silentMs + checkMs : 0;
  last = now;
  if (silentMs < blockedMs) return;
  // The standard error, directly: the main thread cannot log for us.
  writeSync(2, `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), program, msg: 'event loop blocked', ms: silentMs })}\n`);
  process.kill(process.pid, 'SIGKILL');
}

setInterval(check, checkMs);
