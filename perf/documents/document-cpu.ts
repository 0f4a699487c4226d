import { readFileSync } from 'node:fs';
import { type ProcessFacts, processTree } from '../../lib/browser/process-tree.ts';
import type { LogBed } from '../log-bed.ts';

/** CPU seconds by part, until now. What has ended counts with its parent, once that has collected it. */
export type DocumentCpu = Readonly<Record<string, number>>;

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What all processes of a document's way, and the bench itself, have used. */
export function readDocumentCpu({ broker, postgres }: LogBed, processor: number): DocumentCpu {
  const use: Record<string, number> = { processor: 0, pages: 0, 'rest of Chromium': 0 };
  for (const facts of processTree(processor)) {
    const part = partOf(facts, processor);
    use[part] = (use[part] ?? 0) + readFamilySeconds(facts.pid, part !== 'processor');
  }
  const { user, system } = process.cpuUsage();
  use['broker'] = sumOf(broker.pid);
  use['database'] = sumOf(postgres.pid);
  use['load'] = (user + system) / 1e6;
  return use;
}

/** Milliseconds per document between two readings; the last one is of all but the load. */
export function cpuMillisPer(count: number, before: DocumentCpu, after: DocumentCpu): DocumentCpu {
  const parts = Object.entries(after).map(([part, seconds]) => [part, ((seconds - (before[part] ?? NaN)) * 1e3) / count] as const);
  const all = parts.reduce((sum, [part, millis]) => sum + (part === 'load' ? 0 : millis), 0);
  return { ...Object.fromEntries(parts), 'all but the load': all };
}

/** A page's process is forked by a zygote, which counts those that have ended. */
function partOf({ pid, command }: ProcessFacts, processor: number): string {
  if (pid === processor) return 'processor';
  return /--type=(zygote|renderer)/.test(command.join(' ')) ? 'pages' : 'rest of Chromium';
}

function sumOf(pid = 0): number {
  return processTree(pid).reduce((sum, each) => sum + readFamilySeconds(each.pid, true), 0);
}

/** User and system time (proc(5): fields 14 and 15), and that of the children that it has collected (16 and 17). */
function readFamilySeconds(pid: number, withEnded: boolean): number {
  try {
    // The name may hold blanks and brackets: fields are counted from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return fields.slice(11, withEnded ? 15 : 13).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
