import { readdirSync, readFileSync } from 'node:fs';
import { readCpuSeconds } from '../machine.ts';
import type { Scene } from './scene.ts';
import { PROGRAMS } from './whole-system.ts';

/** CPU seconds by process; the database's are those of all its backends. */
export type CpuUse = Readonly<Record<string, number>>;

/** What all processes of the system, and the bench itself, have used until now. */
export function readCpuUse({ bed, system }: Pick<Scene, 'bed' | 'system'>): CpuUse {
  const { user, system: kernel } = process.cpuUsage();
  return {
    ...Object.fromEntries(PROGRAMS.map((name) => [name, readCpuSeconds(system.programs[name].pid ?? 0)])),
    broker: readCpuSeconds(bed.broker.pid ?? 0),
    database: familyOf(bed.postgres.pid ?? 0).reduce((sum, pid) => sum + readCpuSeconds(pid), 0),
    'Slack and load': (user + kernel) / 1e6,
  };
}

/** Microseconds per unit of work between two readings. */
export function cpuMicrosPer(count: number, before: CpuUse, after: CpuUse): CpuUse {
  return Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, ((seconds - (before[name] ?? NaN)) * 1e6) / count]));
}

function familyOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
  return [pid, ...children];
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    // It has ended meanwhile.
    return NaN;
  }
}
