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

/** What stops by itself after the death of its parent is given this long, then it is told, then it is killed. */
const patienceMs = 3_000;

/** Describes a running process; undefined when it is gone (or only waits to be collected). */
export function describeProcess(pid: number): PidFile | undefined {
  try {
    // The name in parentheses may have blanks: the fields are counted from behind it. State is the first, start the 20th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    if (fields[0] === 'Z') return undefined;
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

/** Ends what a crashed run has left, except what is named. @returns the names of what was still there */
export async function endLeftovers(folder: string, except: string): Promise<string[]> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.pid'))
    .map((file) => file.slice(0, -'.pid'.length));
  const found = await Promise.all(
    names.filter((name) => name !== except).map(async (name) => ((await endLeftover(folder, name)) ? [name] : [])),
  );
  return found.flat();
}

async function endLeftover(folder: string, name: string): Promise<boolean> {
  const leftover = readPidFile(folder, name);
  if (leftover) {
    const gone = () => (readPidFile(folder, name) ? undefined : true);
    const waitUntilGone = () => poll(gone, { deadlineMs: patienceMs, what: `${name} (${leftover.pid}) to end` });
    for (const signal of ['SIGCONT', 'SIGTERM', 'SIGKILL'] as const) {
      if (!gone()) process.kill(leftover.pid, signal);
      const ended = await waitUntilGone().catch(() => false);
      if (ended) break;
    }
  }
  removePidFile(folder, name);
  return leftover !== undefined;
}
