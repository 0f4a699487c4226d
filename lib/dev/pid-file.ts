/**
 * Which processes are ours, remembered across a crash of ours. A number alone proves nothing, since the system gives it
 * out again: the file also has the moment at which the process began and the boot in which it did.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poll } from './poll.ts';

export interface PidFile {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process. */
  readonly startedAt: string;
  readonly boot: string;
}

/**
 * What is left over is killed after this long: its stop may wait for servers that are gone, and all of ours survive a kill. Not so
 * the database: whoever starts one beside the rest of a killed one risks the data, and its own stop takes far less than this.
 */
const patienceMs = (name: string) => (name === 'postgres' ? 10_000 : 1_000);
/** The system needs a moment to collect what was killed. */
const killMs = 3_000;

/** Describes a running process; undefined when it is gone (or only waits to be collected). */
export function describeProcess(pid: number): PidFile | undefined {
  try {
    // The name in parentheses may have blanks: the fields are counted from behind it. State is the first, threads the 18th, start the 20th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    // While other threads of it end, it still has its sockets.
    if (fields[0] === 'Z' && fields[17] === '1') return undefined;
    return { pid, startedAt: fields[19] ?? '', boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

/** Remembers a process under a name, over what was there. */
export function writePidFile(folder: string, name: string, pid: number): void {
  const description = describeProcess(pid);
  if (description) writeFileSync(join(folder, `${name}.pid`), JSON.stringify(description));
}

export function removePidFile(folder: string, name: string): void {
  rmSync(join(folder, `${name}.pid`), { force: true });
}

/** The process that a pid file names, if it still runs. */
export function readPidFile(folder: string, name: string): PidFile | undefined {
  try {
    const written = JSON.parse(readFileSync(join(folder, `${name}.pid`), 'utf8')) as PidFile;
    const now = describeProcess(written.pid);
    return now && now.startedAt === written.startedAt && now.boot === written.boot ? now : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes the place of the one supervisor of a folder.
 * @returns the process that has it already, or undefined when it is ours now
 */
export function claimFolder(folder: string, name: string): PidFile | undefined {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.pid`);
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(describeProcess(process.pid)), { flag: 'wx' });
      return undefined;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const owner = readPidFile(folder, name);
      if (owner) return owner;
      rmSync(file, { force: true });
    }
  }
}

/** Ends what a crashed run has left, except what is named. Resolves with whether there was something. */
export async function endLeftovers(folder: string, except: string, say: (line: string) => void): Promise<boolean> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.pid'))
    .map((file) => file.slice(0, -'.pid'.length));
  const others = names.filter((name) => name !== except);
  const running = others.filter((name) => readPidFile(folder, name));
  if (running.length > 0) say(`ending what an earlier run has left: ${running.join(', ')}`);
  await Promise.all(others.map((name) => endLeftover(folder, name)));
  return running.length > 0;
}

async function endLeftover(folder: string, name: string): Promise<void> {
  const leftover = readPidFile(folder, name);
  if (leftover) {
    const gone = () => (readPidFile(folder, name) ? undefined : true);
    const waitUntilGone = (deadlineMs: number) =>
      poll(gone, { deadlineMs, what: `${name} (${leftover.pid}) to end` }).catch(() => undefined);
    // What is frozen gets its signals only when it goes on. SIGINT is PostgreSQL's fast stop, and a stop like any other elsewhere.
    for (const signal of ['SIGINT', 'SIGCONT'] as const) if (!gone()) process.kill(leftover.pid, signal);
    if (!(await waitUntilGone(patienceMs(name)))) {
      if (!gone()) process.kill(leftover.pid, 'SIGKILL');
      await waitUntilGone(killMs);
    }
  }
  removePidFile(folder, name);
}
