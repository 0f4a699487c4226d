import { open, type Database, type RootDatabase } from 'lmdb';

/** The databases of one journal file. */
export interface Environment {
  readonly root: RootDatabase<Buffer, string>;
  /** Number -> record. */
  readonly records: Database<Buffer, number>;
  /** Hash of an identity -> number of the record that had it first. */
  readonly ids: Database<Buffer, Uint8Array>;
  /** Number -> bytes whose checksum does not fit. */
  readonly damaged: Database<Buffer, number>;
  /** `id`: the journal's. `state`: what it counts. */
  readonly meta: Database<Buffer, string>;
}

/**
 * Address space, not memory and not disk: LMDB maps the file at this size once. Far beyond any disk that it may lie on, so the journal's own
 * limit or the disk's comes first.
 */
const MAP_BYTES = 2 ** 40;

/** @throws what LMDB throws where the path is not a journal or cannot be written */
export function openEnvironment(path: string): Environment {
  const root = open<Buffer, string>({
    path,
    noSubdir: false,
    encoding: 'binary',
    mapSize: MAP_BYTES,
    // The default resolves a write when it is visible, and flushes it later.
    overlappingSync: false,
  });
  return {
    root,
    records: root.openDB<Buffer, number>({ name: 'records', encoding: 'binary' }),
    ids: root.openDB<Buffer, Uint8Array>({ name: 'ids', encoding: 'binary', keyEncoding: 'binary' }),
    damaged: root.openDB<Buffer, number>({ name: 'damaged', encoding: 'binary' }),
    meta: root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }),
  };
}
