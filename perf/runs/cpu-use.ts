import { readCpuSeconds, readFamilyCpuSeconds, readText, TICKS_PER_SECOND } from '../machine.ts';
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
    database: readFamilyCpuSeconds(bed.postgres.pid ?? 0),
    'Slack and load': (user + kernel) / 1e6,
  };
}

/** Microseconds per unit of work between two readings. */
export function cpuMicrosPer(count: number, before: CpuUse, after: CpuUse): CpuUse {
  return Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, ((seconds - (before[name] ?? NaN)) * 1e6) / count]));
}

/** How the machine's cores spent their time, in seconds of one core. */
export interface CoreTime {
  readonly all: number;
  readonly idle: number;
  /** Wanted by this machine, given to another one by the host. */
  readonly stolen: number;
}

/** Since the machine has started; proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. NaN where it cannot be read. */
export function readCoreTime(): CoreTime {
  const ticks = (/^cpu +(.*)$/m.exec(readText('/proc/stat'))?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  const [, , , idle = NaN, iowait = NaN, , , stolen = NaN] = ticks;
  const all = ticks.reduce((sum, each) => sum + each, 0);
  return { all: all / TICKS_PER_SECOND, idle: (idle + iowait) / TICKS_PER_SECOND, stolen: stolen / TICKS_PER_SECOND };
}

/**
 * One line: what the cores did between two readings, while the processes of the bench used so many seconds. Where others had much of
 * them, or the host, a latency says nothing about the system.
 */
export function describeCores(before: CoreTime, after: CoreTime, usedSeconds: number): string {
  const all = after.all - before.all;
  const idle = after.idle - before.idle;
  const stolen = after.stolen - before.stolen;
  const share = (seconds: number): string => `${((seconds / all) * 100).toFixed(0)} %`;
  return `${share(usedSeconds)} the system and its load, ${share(all - idle - stolen - usedSeconds)} others and interrupts, ${share(idle)} idle, ${share(stolen)} stolen by the host`;
}
