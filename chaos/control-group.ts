import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A group of processes that gets less of the machine than it wants (cgroups(7), both versions). */
export interface ControlGroup {
  /** What this process takes from now on counts for the group. */
  add(pid: number): void;
  /** How often the kernel has ended one for its memory; undefined where it does not say. */
  killed(): number | undefined;
  /** The processes go on without limits. May be called twice. */
  remove(): void;
}

/** What a group may have. */
export type Limit =
  | { readonly kind: 'memory'; readonly bytes: number }
  /** Of one core: 0.2 is a fifth. */
  | { readonly kind: 'cpu'; readonly cores: number };

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'visapi-chaos-';
/** The kernel's own default, in microseconds (CFS bandwidth control). */
const PERIOD_US = 100_000;

/** Whether one hierarchy has all controllers (version 2) or each has its own (version 1). */
const isUnified = (): boolean => existsSync(join(ROOT, 'cgroup.controllers'));

const hierarchyOf = (kind: Limit['kind']): string => (isUnified() ? ROOT : join(ROOT, kind));

/** @returns why it cannot be done on this machine */
export function createControlGroup(limit: Limit): ControlGroup | string {
  const hierarchy = hierarchyOf(limit.kind);
  const path = join(hierarchy, `${PREFIX}${process.pid}-${limit.kind}`);
  try {
    if (isUnified()) writeFileSync(join(ROOT, 'cgroup.subtree_control'), `+${limit.kind}`);
    mkdirSync(path, { recursive: true });
    for (const [file, value] of Object.entries(settingsOf(limit))) writeFileSync(join(path, file), value);
  } catch (error) {
    remove(path, hierarchy);
    return `a control group for ${limit.kind} cannot be made here (${error instanceof Error ? error.message : String(error)})`;
  }
  return {
    add: (pid) => writeFileSync(join(path, 'cgroup.procs'), String(pid)),
    killed() {
      const file = join(path, isUnified() ? 'memory.events' : 'memory.oom_control');
      const count = existsSync(file) ? /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
      return count === undefined ? undefined : Number(count);
    },
    remove: () => remove(path, hierarchy),
  };
}

function settingsOf(limit: Limit): Record<string, string> {
  if (limit.kind === 'memory')
    return isUnified() ? { 'memory.max': `${limit.bytes}`, 'memory.swap.max': '0' } : { 'memory.limit_in_bytes': `${limit.bytes}` };
  const quota = Math.round(limit.cores * PERIOD_US);
  return isUnified() ? { 'cpu.max': `${quota} ${PERIOD_US}` } : { 'cpu.cfs_period_us': `${PERIOD_US}`, 'cpu.cfs_quota_us': `${quota}` };
}

/** A group goes only when it is empty: its processes go back to where all are. */
function remove(path: string, hierarchy: string): void {
  if (!existsSync(path)) return;
  for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      writeFileSync(join(hierarchy, 'cgroup.procs'), pid);
    } catch {
      // It ended meanwhile.
    }
  }
  try {
    rmdirSync(path);
  } catch {
    // One of its processes is still being collected: the next run finds the group.
  }
}

/** Those that a runner which is gone has left, and our own. */
export function removeControlGroups(): void {
  for (const kind of ['memory', 'cpu'] as const) {
    const hierarchy = hierarchyOf(kind);
    if (!existsSync(hierarchy)) continue;
    for (const name of readdirSync(hierarchy)) {
      const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      if (owner !== undefined && (Number(owner) === process.pid || !existsSync(`/proc/${owner}`))) remove(join(hierarchy, name), hierarchy);
    }
  }
}
