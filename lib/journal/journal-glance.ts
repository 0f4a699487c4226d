import { existsSync } from 'node:fs';

import { AppError } from '../core/app-error.ts';
import { dataFile, openEnvironmentReadOnly, readState } from './environment.ts';
import { findDamage } from './file-check.ts';
import type { JournalStatus } from './journal.ts';
import { findOwner, type OwnerRecord } from './journal-owner.ts';
import { journalStatus } from './journal-status.ts';

/** A journal as somebody sees it who does not own it. */
export interface JournalGlance {
  readonly path: string;
  /** The process that relays it; undefined where none runs. */
  readonly owner: Pick<OwnerRecord, 'pid' | 'host'> | undefined;
  /** What is wrong with the file; then there is no status. */
  readonly damage: string | undefined;
  readonly status: Omit<JournalStatus, 'maxBytes'> | undefined;
}

/**
 * Looks at a journal without changing it, whether a process owns it or not.
 * @throws AppError `not_found` where there is none
 */
export async function glanceAtJournal(path: string): Promise<JournalGlance> {
  if (!existsSync(dataFile(path))) throw new AppError('not_found', `expected a journal, got nothing at ${path}`);
  const found = findOwner(path);
  const owner = found && { pid: found.pid, host: found.host };
  const damage = findDamage(dataFile(path));
  if (damage !== undefined) return { path, owner, damage, status: undefined };
  const environment = openEnvironmentReadOnly(path);
  try {
    const { maxBytes: _maxBytes, ...status } = journalStatus(environment, path, 0);
    return { path, owner, damage, status };
  } finally {
    await environment.root.close();
  }
}

/** The numbers that a journal has not handed to the log yet, as far as it knows. */
export interface WaitingNumbers {
  readonly id: string;
  /** The last one that it has given. */
  readonly lastNumber: number;
  /** Ascending; records that could not be read among them. */
  readonly numbers: readonly number[];
}

/** Reads them as they are at one moment, whether a process owns the journal or not. @throws AppError `not_found` where there is none; `start_failed` where it is damaged */
export async function readWaitingNumbers(path: string): Promise<WaitingNumbers> {
  if (!existsSync(dataFile(path))) throw new AppError('not_found', `expected a journal, got nothing at ${path}`);
  const damage = findDamage(dataFile(path));
  if (damage !== undefined) throw new AppError('start_failed', `expected a whole journal at ${path}: ${damage}`);
  const environment = openEnvironmentReadOnly(path);
  try {
    // All that is read in one turn is of one moment.
    const { journalId, state } = readState(environment);
    const numbers = [environment.records, environment.damaged].flatMap((table) => [...table.getKeys()]);
    return { id: journalId, lastNumber: state.lastNumber, numbers: numbers.toSorted((a, b) => a - b) };
  } finally {
    await environment.root.close();
  }
}
