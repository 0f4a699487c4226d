import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly command: readonly string[];
  /** Anonymous memory and shared memory that it has mapped, bytes; files do not count. */
  readonly memoryBytes: number;
}

/** The direct children of a process; none where it is gone. Linux with CONFIG_PROC_CHILDREN, as all distributions have it. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => numbersIn(readText(`/proc/${pid}/task/${thread}/children`)));
  } catch {
    return [];
  }
}

/** All that descends from a process, itself first. What has ended meanwhile is left out. */
export function processTree(pid: number): ProcessFacts[] {
  const status = readText(`/proc/${pid}/status`);
  if (status === '') return [];
  const command = readText(`/proc/${pid}/cmdline`).split('\0');
  const memoryBytes = kilobytes(status, 'RssAnon') + kilobytes(status, 'RssShmem');
  return [{ pid, command, memoryBytes }, ...childrenOf(pid).flatMap(processTree)];
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

function numbersIn(text: string): number[] {
  return text.split(' ').filter(Boolean).map(Number);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
