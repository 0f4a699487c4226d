import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A disk of its own, in memory, that can be full. */
export interface SmallDisk {
  readonly path: string;
  /** Somebody else takes all that is left of it. */
  fill(): void;
  /** Gives that back. May be called on a disk that is not full. */
  empty(): void;
  remove(): void;
}

const FILLER = 'filler';

/**
 * Mounts a tmpfs.
 * @param path where; made where it is missing
 * @returns why it cannot be done on this machine: it takes root
 */
export function mountSmallDisk(path: string, bytes: number): SmallDisk | string {
  mkdirSync(path, { recursive: true });
  const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', path], { encoding: 'utf8' });
  if (status !== 0) return `a small disk cannot be mounted here: ${error?.message ?? stderr.trim()}`;
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(join(path, FILLER), Buffer.alloc(Number(bavail) * Number(bsize)));
    },
    empty: () => rmSync(join(path, FILLER), { force: true }),
    remove: () => void spawnSync('umount', ['-l', path]),
  };
}
