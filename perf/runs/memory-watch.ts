import { readFileSync } from 'node:fs';
import { median } from '../load/samples.ts';

/** How a process's memory went while it worked. */
export interface MemoryCourse {
  readonly name: string;
  /** Resident bytes at each fifth of the work (median), oldest first. */
  readonly fifths: readonly number[];
  /** The last fifth beside the second: the first is warm-up, when code is compiled and caches fill. */
  readonly growth: number;
}

export interface MemoryWatch {
  /** Ends it. `done` is how much of the work was done at each look, from 0 to 1. */
  stop(): MemoryCourse[];
}

const EVERY_MS = 250;

/** Looks at the resident memory of processes again and again. `progress` runs from 0 to 1. */
export function watchMemory(processes: Readonly<Record<string, number>>, progress: () => number): MemoryWatch {
  const looks: { readonly progress: number; readonly bytes: Readonly<Record<string, number>> }[] = [];
  const look = (): void => {
    const bytes = Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, residentBytes(pid)]));
    looks.push({ progress: progress(), bytes });
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return Object.keys(processes).map((name) => {
        const fifths = [0, 1, 2, 3, 4].map((fifth) => {
          const mine = looks.filter((each) => Math.min(4, Math.floor(each.progress * 5)) === fifth);
          return median(mine.map(({ bytes }) => bytes[name] ?? NaN));
        });
        return { name, fifths, growth: (fifths[4] ?? NaN) / (fifths[1] ?? NaN) };
      });
    },
  };
}

/** Without the pages of mapped files: those of the journal are the disk's cache. NaN where it cannot be read. */
function residentBytes(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  } catch {
    return NaN;
  }
}
