import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
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
const PART_BYTES = 1_048_576;

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
      const file = openSync(join(path, FILLER), 'w');
      const { bavail, bsize } = statfsSync(path);
      let left = bavail * bsize;
      try {
        for (const part = Buffer.alloc(PART_BYTES); left > 0; left -= part.length) writeSync(file, part, 0, Math.min(left, part.length));
      } catch (error) {
        // Whoever else writes to it has taken the rest meanwhile.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(join(path, FILLER), { force: true }),
    remove: () => void spawnSync('umount', ['-l', path]),
  };
}
