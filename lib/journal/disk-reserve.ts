import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Bytes on the disk that nobody else can take. LMDB copies pages before it changes them, so on a full disk even forgetting fails;
 * then these are given back, records that the log has are removed, and their pages are free for new ones. A removal takes some 20
 * pages of 4 KB, a group of them a few hundred.
 */
const RESERVE_BYTES = 2_097_152;

export interface DiskReserve {
  /** Makes it where it is not there; false where there is no room for it. */
  take(): boolean;
  /** Gives the bytes back. May be called where it holds none. */
  release(): void;
}

export function createDiskReserve(path: string): DiskReserve {
  const file = join(path, 'reserve');
  return {
    take() {
      if (existsSync(file)) return true;
      try {
        writeFileSync(file, Buffer.alloc(RESERVE_BYTES));
        return true;
      } catch {
        rmSync(file, { force: true });
        return false;
      }
    },
    release() {
      rmSync(file, { force: true });
    },
  };
}
