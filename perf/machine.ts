import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { percentile } from './load/samples.ts';

/** What a figure is worth without: where it was taken. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly node: string;
  /** Processes that wanted to run in the last minute. */
  readonly load: number;
  readonly fileSystem: string;
  /** A write of 4 KiB and its fdatasync in the folder that is written to. Milliseconds. */
  readonly fdatasyncMs: { readonly p50: number; readonly p99: number };
}

export function describeMachine(folder: string): Machine {
  return {
    cores: availableParallelism(),
    processor: /^model name\s*: (.*)$/m.exec(readText('/proc/cpuinfo'))?.[1] ?? process.arch,
    node: process.version,
    load: loadavg()[0] ?? NaN,
    fileSystem: fileSystemOf(folder),
    fdatasyncMs: measureFdatasync(folder),
  };
}

/** The kernel counts in hundredths of a second (USER_HZ, which is 100 on every Linux that Node runs on). */
export const TICKS_PER_SECOND = 100;

/** CPU time that a process has used, user and system; NaN where it cannot be read. */
export function readCpuSeconds(pid: number): number {
  // The name may hold blanks and brackets: fields are counted from behind it (proc(5): utime is the 14th, stime the 15th).
  const fields = readText(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The same for a process and its children that live, as a database's backends do. */
export function readFamilyCpuSeconds(pid: number): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return [pid, ...children.map(Number)].reduce((sum, each) => sum + readCpuSeconds(each), 0);
}

function parentOf(pid: string): number {
  // Not there any more: NaN.
  return Number(/^PPid:\s+(\d+)$/m.exec(readText(`/proc/${pid}/status`))?.[1]);
}

const SYNCS = 300;

function measureFdatasync(folder: string): Machine['fdatasyncMs'] {
  const path = join(folder, 'fdatasync');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4_096);
  const times = Float64Array.from({ length: SYNCS }, () => {
    const startedAt = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  }).toSorted();
  closeSync(file);
  unlinkSync(path);
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** Of the mount with the longest path above the folder. */
function fileSystemOf(folder: string): string {
  const mounts = readText('/proc/mounts')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at = '']) => at !== '' && (at === '/' || folder === at || folder.startsWith(`${at}/`)));
  return mounts.toSorted(([, a = ''], [, b = '']) => b.length - a.length)[0]?.[2] ?? 'unknown';
}

/** '' where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
