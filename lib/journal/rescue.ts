import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { dataFile, ensureState, openEnvironment, readState, writeState } from './environment.ts';
import { findDamage } from './file-check.ts';
import { identityKey } from './identity-set.ts';
import { encodeOffer } from './record-codec.ts';
import { storeRecords } from './record-table.ts';
import { salvage, type Salvaged } from './salvage.ts';

/** What was done about a damaged file. */
export interface Rescue {
  /** What was found to be wrong with it. */
  readonly damage: string;
  /** Where the damaged file lies now. */
  readonly asidePath: string;
  /** Records that were readable and wait for the log again. */
  readonly saved: number;
  /** Readable records that the log had already. */
  readonly relayed: number;
  /** Records that waited by the file's own account and could not be read; undefined where that account is gone too. */
  readonly lost: number | undefined;
}

/** In one transaction: a few MB of dirty pages. */
const RECORDS_PER_TRANSACTION = 1_000;

/**
 * Looks at the file of a journal, and where it is damaged makes a new one of what is readable and puts the old one aside. It may be
 * killed at any time: until the new file is whole under its own name the damaged one stays where it is.
 *
 * The new journal has a new id and its own numbers: it cannot know the highest number of the old one.
 */
export async function rescueJournal(path: string, isStoppedCleanly = false): Promise<Rescue | undefined> {
  const unfinished = join(path, 'rescue-unfinished');
  const finished = join(path, 'rescue');
  rmSync(unfinished, { recursive: true, force: true });
  if (existsSync(finished) && !existsSync(dataFile(path))) putInPlace(path, finished);
  rmSync(finished, { recursive: true, force: true });

  const damage = findDamage(dataFile(path), isStoppedCleanly);
  if (damage === undefined) return undefined;
  const salvaged = salvage(dataFile(path));
  await writeRescued(unfinished, salvaged);
  renameSync(unfinished, finished);
  syncFolder(path);

  const asidePath = join(dirname(path), `${basename(path)}.damaged-${new Date().toISOString().replaceAll(':', '-')}`);
  mkdirSync(asidePath);
  renameSync(dataFile(path), dataFile(asidePath));
  syncFolder(asidePath);
  syncFolder(dirname(path));
  putInPlace(path, finished);
  const { records, relayed, state } = salvaged;
  return { damage, asidePath, saved: records.length, relayed, lost: state && Math.max(0, state.depth - records.length) };
}

async function writeRescued(path: string, { records, state: old }: Salvaged): Promise<void> {
  mkdirSync(path);
  const environment = openEnvironment(path);
  for (let at = 0; at === 0 || at < records.length; at += RECORDS_PER_TRANSACTION) {
    const part = records.slice(at, at + RECORDS_PER_TRANSACTION);
    await environment.root.transaction(() => {
      const journalId = ensureState(environment);
      const { state } = readState(environment);
      state.confirmedLogSeq = old?.confirmedLogSeq ?? 0;
      for (const record of part) {
        const key = record.isRemembered ? identityKey(record.emit.id) : undefined;
        const bytes = encodeOffer(record, record.acceptedAt);
        // All of them have waited before: there is no limit here, and of two copies under one identity the first is enough.
        storeRecords(environment, state, [{ bytes, key }], record.acceptedAt, Infinity);
      }
      state.commits += 1;
      writeState(environment, journalId, state);
    });
  }
  await environment.root.close();
}

function putInPlace(path: string, finished: string): void {
  // It has the locks of the processes that had the old file open: none is left.
  rmSync(join(path, 'lock.mdb'), { force: true });
  renameSync(dataFile(finished), dataFile(path));
  rmSync(finished, { recursive: true, force: true });
  syncFolder(path);
}

/** A file's name is on the disk only when its folder is flushed. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
