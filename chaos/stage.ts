import { join } from 'node:path';
import { createLoopDisk } from '../lib/dev/loop-disk.ts';
import { mountSmallDisk } from '../lib/dev/small-disk.ts';

/** What an experiment wants of its system otherwise than usual. */
export interface Stage {
  /** A disk of its own for the broker's streams, for ingest's journal (where there are several, of the first one), or for the database: one that can lose its power, or one that can be full. */
  readonly disk?: { readonly of: 'broker' | 'journal' | 'postgres'; readonly kind: 'power' | 'small' };
  /** Whether every program reaches broker and database through a link that can be cut. */
  readonly links?: true;
  /** Whether each broker of a cluster is in a network namespace of its own, which can be cut off from the others. */
  readonly network?: true;
  /** Added to the processor's environment. */
  readonly processor?: NodeJS.ProcessEnv;
}

export interface Disk {
  readonly path: string;
  readonly bytes: number;
  /** Of a small disk: somebody else takes all that is left, and gives it back. */
  fill(): void;
  empty(): void;
  /** Of the other one: see `LoopDisk`. */
  cutPower(): void;
  restart(): void;
  remove(): void;
}

/** Twice the smallest log there is, so that the broker takes it. */
const DISK_BYTES = 512 * 1024 ** 2;

/** @throws Error where this machine cannot have such a disk; `check` tells it beforehand */
export function makeDisk(folder: string, kind: 'power' | 'small'): Disk {
  const never = (): never => {
    throw new Error('expected a disk of the other kind');
  };
  if (kind === 'small') {
    const disk = mountSmallDisk(join(folder, 'disk'), DISK_BYTES);
    if (typeof disk === 'string') throw new Error(disk);
    return { ...disk, bytes: DISK_BYTES, cutPower: never, restart: never };
  }
  const disk = createLoopDisk(folder, DISK_BYTES);
  if (typeof disk === 'string') throw new Error(disk);
  return { ...disk, bytes: DISK_BYTES, fill: never, empty: never };
}
