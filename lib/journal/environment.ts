import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { open, type Database, type RootDatabase } from 'lmdb';

import { AppError } from '../core/app-error.ts';
import { isBroken } from '../core/guards.ts';
import { decodeState, emptyState, encodeState, JOURNAL_ID_CHARS, type JournalState } from './journal-state.ts';

/** The databases of one journal file. What reads or writes several of them at once does so inside `root.transaction`. */
export interface Environment {
  readonly root: RootDatabase<Buffer, string>;
  /** Number -> record. */
  readonly records: Database<Buffer, number>;
  /** Hash of an identity -> number of the record that had it first. */
  readonly ids: Database<Buffer, Uint8Array>;
  /** Number of that record -> when it was remembered, and the hash: the order in which identities are forgotten. */
  readonly idOrder: Database<Buffer, number>;
  /** Number -> bytes whose checksum does not fit. */
  readonly damaged: Database<Buffer, number>;
  /** `state`: what it counts. */
  readonly meta: Database<Buffer, string>;
}

/**
 * Address space, not memory and not disk: LMDB maps the file at this size once. Far beyond any disk that it may lie on, so the journal's own
 * limit or the disk's comes first.
 */
const MAP_BYTES = 2 ** 40;

export function dataFile(path: string): string {
  return join(path, 'data.mdb');
}

/**
 * Opens the file for reading and writing, makes it where it is not there.
 *
 * A transaction's promise resolves when it is on the disk: without `overlappingSync` the thread that commits writes the pages, calls
 * fdatasync, writes the page of roots through a descriptor opened with O_DSYNC, and only then reports (mdb_txn_commit; seen with
 * `strace -f -e trace=fdatasync,pwrite64,writev`, and held by test/journal-fsync.int.test.ts). With `overlappingSync`, the library's default, it
 * resolves when it is visible, and the flush comes later.
 * @throws what LMDB throws where the path is not a journal or cannot be written
 */
export function openEnvironment(path: string): Environment {
  return databases(
    open<Buffer, string>({
      path,
      noSubdir: false,
      encoding: 'binary',
      mapSize: MAP_BYTES,
      overlappingSync: isBroken('journal-fsync'),
      // The journal makes its own groups; and the library's leave a rejected promise behind when a commit fails, which nobody can catch.
      eventTurnBatching: false,
    }),
  );
}

/** Opens a file that is there, beside the process that writes it or without one. */
export function openEnvironmentReadOnly(path: string): Environment {
  return databases(open<Buffer, string>({ path, noSubdir: false, encoding: 'binary', mapSize: MAP_BYTES, readOnly: true }));
}

function databases(root: RootDatabase<Buffer, string>): Environment {
  return {
    root,
    records: root.openDB<Buffer, number>({ name: 'records', encoding: 'binary' }),
    ids: root.openDB<Buffer, Uint8Array>({ name: 'ids', encoding: 'binary', keyEncoding: 'binary' }),
    idOrder: root.openDB<Buffer, number>({ name: 'id-order', encoding: 'binary' }),
    damaged: root.openDB<Buffer, number>({ name: 'damaged', encoding: 'binary' }),
    meta: root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }),
  };
}

/** @throws AppError `start_failed` where it is not there or not whole */
export function readState({ meta }: Environment): { journalId: string; state: JournalState } {
  const bytes = meta.get('state');
  const found = bytes && decodeState(bytes);
  if (!found)
    throw new AppError('start_failed', `expected the journal's state, got ${bytes ? 'bytes whose checksum does not fit' : 'nothing'}`);
  return found;
}

export function writeState({ meta }: Environment, journalId: string, state: JournalState): void {
  meta.putSync('state', encodeState(journalId, state));
}

/** The id of the journal; given to it here where it is new, and never changed. Inside a transaction. */
export function ensureState(environment: Environment): string {
  if (environment.meta.doesExist('state')) return readState(environment).journalId;
  const journalId = randomBytes(JOURNAL_ID_CHARS / 2).toString('hex');
  writeState(environment, journalId, emptyState());
  return journalId;
}
