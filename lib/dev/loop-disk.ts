import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A disk of its own, in a file, that can lose its power. */
export interface LoopDisk {
  /** Where its file system is mounted. */
  readonly path: string;
  /** From now on nothing comes to the disk any more; what was not flushed is lost. Whoever still writes gets errors. */
  cutPower(): void;
  /** After a cut, when nobody has a file on it open any more: mounts what is on the disk. */
  restart(): void;
  remove(): void;
}

/** Enough for the journal's reserve and some tens of thousands of events. */
const DISK_BYTES = 268_435_456;

/**
 * Makes an ext4 file system in a file and mounts it. A power cut is ext4's own shutdown (EXT4_IOC_SHUTDOWN, here by `xfs_io -x -c shutdown`):
 * the file system stops in the middle of what it does, without writing its log.
 * @param bytes (Default: 256 MiB)
 * @returns why it cannot be done on this machine: it takes root, `mkfs.ext4` and `xfs_io` (Debian: xfsprogs)
 */
export function createLoopDisk(folder: string, bytes = DISK_BYTES): LoopDisk | string {
  if (process.getuid?.() !== 0) return 'a disk that loses its power can only be mounted by root';
  const image = join(folder, 'disk.img');
  const path = join(folder, 'disk');
  writeFileSync(image, '');
  truncateSync(image, bytes);
  mkdirSync(path);
  const mount = () => run('mount', '-o', 'loop', image, path);
  const failure = run('xfs_io', '-V') ?? run('mkfs.ext4', '-q', '-F', image) ?? mount();
  if (failure !== undefined) return failure;
  return {
    path,
    cutPower: () => must(run('xfs_io', '-x', '-c', 'shutdown', path)),
    restart() {
      must(run('umount', path));
      must(mount());
    },
    remove() {
      run('umount', path);
      rmSync(image, { force: true });
    },
  };
}

/** @returns what went wrong; undefined where nothing did */
function run(command: string, ...args: string[]): string | undefined {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return `${command} cannot be run (${error.message})`;
  return status === 0 ? undefined : `${command} ended with ${status}: ${stderr.trim()}`;
}

function must(failure: string | undefined): void {
  if (failure !== undefined) throw new Error(failure);
}
