import { existsSync } from 'node:fs';

import { AppError } from '../core/app-error.ts';
import { dataFile, openEnvironmentReadOnly } from './environment.ts';
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
