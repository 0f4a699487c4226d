import { mkdirSync } from 'node:fs';

import { AppError } from '../core/app-error.ts';
import { dataFile, ensureState, openEnvironment, readState, writeState } from './environment.ts';
import { findDamage } from './file-check.ts';
import { identityKey } from './identity-set.ts';
import type { ExportedRecord } from './journal-export.ts';
import { encodeOffer } from './record-codec.ts';
import { storeRecords, type ReadyOffer } from './record-table.ts';
import { transact } from './transact.ts';

/** In one transaction, so that a running ingest waits for a few milliseconds at most. */
const RECORDS_PER_TRANSACTION = 100;

/** As long as a running ingest would wait for its own disk. */
const STUCK_MS = 30_000;

export interface ImportResult {
  readonly imported: number;
  /** The journal knew their identity. */
  readonly known: number;
  /** There was no room for these; a later import takes them, and passes over the others. */
  readonly left: number;
}

/**
 * Stores exported records in a journal under their own identities and with the times of their first acceptance; also beside the ingest that
 * owns it, whose relay finds them within a second. All of them are remembered, so that doing it twice does it once.
 * @throws AppError `start_failed` where the file is damaged: an ingest that starts rescues it
 */
export async function importRecords(path: string, records: readonly ExportedRecord[], maxBytes: number): Promise<ImportResult> {
  mkdirSync(path, { recursive: true });
  const damage = findDamage(dataFile(path));
  if (damage !== undefined) throw new AppError('start_failed', `expected a journal at ${path} that is whole, got: ${damage}`);
  const environment = openEnvironment(path);
  const onStuck = (): void => {};
  let imported = 0;
  let known = 0;
  try {
    for (let at = 0; at < records.length; at += RECORDS_PER_TRANSACTION) {
      const part = records.slice(at, at + RECORDS_PER_TRANSACTION).map(makeReady);
      let isFull = false;
      await transact(
        environment,
        () => {
          const journalId = ensureState(environment);
          const { state } = readState(environment);
          // Remembered from now on: by their acceptance, those of a disk that was away for long would be forgotten at once.
          for (const offer of part) {
            const appended = storeRecords(environment, state, [offer], Date.now(), maxBytes);
            isFull = appended === undefined;
            if (isFull) break;
            if (appended?.[0]?.duplicate) known += 1;
            else imported += 1;
          }
          state.commits += 1;
          writeState(environment, journalId, state);
        },
        { deadlineMs: STUCK_MS, onStuck },
      );
      if (isFull) break;
    }
  } finally {
    await environment.root.close();
  }
  return { imported, known, left: records.length - imported - known };
}

function makeReady({ acceptedAt, id, subject, key, headers, body }: ExportedRecord): ReadyOffer {
  const emit = { id, subject, key, headers, body: Buffer.from(body, 'base64') };
  return { bytes: encodeOffer({ emit, isRemembered: true }, Date.parse(acceptedAt)), key: identityKey(id) };
}
