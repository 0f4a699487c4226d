import { poll } from '../lib/dev/poll.ts';
import { claimFolder, readPidFile, removePidFile } from '../lib/dev/pid-file.ts';
import { type ChaosHome, clearLeftovers, RUNNER } from './chaos-home.ts';

/** A runner that stops its system in order needs seconds. */
const STOPPED_WITHIN_MS = 60_000;

/** Ends the runner of another shell and waits until it has undone everything; where it is gone or stuck, does that itself. */
export async function stopRunner(home: ChaosHome, say: (line: string) => void): Promise<number> {
  const runner = readPidFile(home.run, RUNNER);
  if (runner === undefined) say('nothing runs');
  else {
    say(`ending process ${runner.pid}`);
    process.kill(runner.pid, 'SIGTERM');
    const isGone = () => (readPidFile(home.run, RUNNER) === undefined ? true : undefined);
    const hasEnded = await poll(isGone, { deadlineMs: STOPPED_WITHIN_MS, what: 'the runner to end' }).catch(() => false);
    if (!hasEnded) {
      say('it does not end: killed');
      process.kill(runner.pid, 'SIGKILL');
      await poll(isGone, { deadlineMs: 10_000, what: 'the runner to be gone' });
    }
  }
  const owner = claimFolder(home.run, RUNNER);
  if (owner !== undefined) {
    say(`another one has begun as process ${owner.pid}`);
    return 1;
  }
  try {
    await clearLeftovers(home, say);
  } finally {
    removePidFile(home.run, RUNNER);
  }
  return 0;
}
