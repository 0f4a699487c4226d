import { linkSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { AppError } from '../core/app-error.ts';

/**
 * One process relays a journal: two would publish the same events past each other. Its owner is the highest file `owner.<n>` of the
 * folder. Taking over is making the next one, which a link does for exactly one process; nobody removes the highest, so of two who
 * saw the same dead owner one fails and looks again. A killed owner never blocks: its process is looked up, by the moment of its
 * start too, since the system gives a number out again.
 */
export interface JournalOwner {
  /** Whether the owner before closed the journal itself; false where there was none. */
  readonly isAfterCleanStop: boolean;
  /** Lets another process own it at once. May be called twice. */
  release(): void;
}

export interface OwnerRecord {
  readonly pid: number;
  readonly host: string;
  /** Clock ticks from boot to the start of the process; empty where the system does not tell. */
  readonly startedAt: string;
  /** The boot and the process namespace: in another container the same number is another process. */
  readonly world: string;
  readonly released: boolean;
}

/** The owner says this often that it lives, for those who cannot see its process. */
const HEARTBEAT_MS = 1_000;

/** An owner in another container that was silent for five heartbeats is gone. */
const SILENT_MS = 5 * HEARTBEAT_MS;

/** @throws AppError `start_failed` naming the path and the process that owns it */
export function claimJournal(path: string): JournalOwner {
  for (;;) {
    const last = highest(path);
    const owner = last > 0 ? readRecord(path, last) : undefined;
    if (owner && isAlive(owner, fileOf(path, last))) {
      throw new AppError('start_failed', `expected the journal ${path} to be free, got an owner: process ${owner.pid} on ${owner.host}`);
    }
    if (!make(path, last + 1)) continue;
    // Others may have owned it in between and removed the file that was in our way.
    if (highest(path) !== last + 1) {
      rmSync(fileOf(path, last + 1), { force: true });
      continue;
    }
    for (const number of numbers(path)) if (number <= last) rmSync(fileOf(path, number), { force: true });
    return own(path, last + 1, owner?.released === true);
  }
}

/** The process that owns it; undefined where none does. */
export function findOwner(path: string): OwnerRecord | undefined {
  const last = highest(path);
  const owner = last > 0 ? readRecord(path, last) : undefined;
  return owner && isAlive(owner, fileOf(path, last)) ? owner : undefined;
}

function own(path: string, number: number, isAfterCleanStop: boolean): JournalOwner {
  const file = fileOf(path, number);
  const heartbeat = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(file, now, now);
    } catch {
      // Somebody has removed the folder; what that means is for the journal to find.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    isAfterCleanStop,
    release() {
      clearInterval(heartbeat);
      try {
        writeFileSync(file, JSON.stringify({ ...describeSelf(), released: true }));
      } catch {
        // It counts as dead with this process.
      }
    },
  };
}

/** @returns false where another process was faster */
function make(path: string, number: number): boolean {
  const draft = join(path, `owner-draft.${process.pid}`);
  // Whole before it has its name, so that nobody reads half of it.
  writeFileSync(draft, JSON.stringify(describeSelf()));
  try {
    linkSync(draft, fileOf(path, number));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isAlive(owner: OwnerRecord, file: string): boolean {
  if (owner.released) return false;
  if (owner.world === worldOf() && owner.host === hostname()) return startOf(owner.pid) === owner.startedAt;
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < SILENT_MS;
}

function describeSelf(): OwnerRecord {
  return { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) ?? '', world: worldOf(), released: false };
}

function worldOf(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Undefined where the process is gone. */
function startOf(pid: number): string | undefined {
  try {
    // The name in parentheses may have blanks: the fields are counted from behind it. State is the first, start the 20th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    return fields[0] === 'Z' ? undefined : (fields[19] ?? '');
  } catch {
    return process.platform === 'linux' ? undefined : startElsewhere(pid);
  }
}

/** Where there is no /proc: only whether there is such a process. */
function startElsewhere(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? '' : undefined;
  }
}

function readRecord(path: string, number: number): OwnerRecord | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(path, number), 'utf8')) as OwnerRecord;
  } catch {
    return undefined;
  }
}

function numbers(path: string): number[] {
  return readdirSync(path).flatMap((name) => (/^owner\.\d+$/.test(name) ? [Number(name.slice('owner.'.length))] : []));
}

function highest(path: string): number {
  return Math.max(0, ...numbers(path));
}

function fileOf(path: string, number: number): string {
  return join(path, `owner.${number}`);
}
