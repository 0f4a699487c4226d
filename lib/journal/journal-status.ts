import { statSync } from 'node:fs';

import { dataFile, readState, type Environment } from './environment.ts';
import type { JournalStatus } from './journal.ts';
import { decodeRecord } from './record-codec.ts';

/** What the journal says of itself; also of a file that another process writes. */
export function journalStatus(environment: Environment, path: string, maxBytes: number): JournalStatus {
  const { journalId, state } = readState(environment);
  const { lastNumber, depth, bytes, ids, confirmedLogSeq, damaged } = state;
  const [oldest] = environment.records.getRange({ limit: 1 });
  return {
    id: journalId,
    depth,
    bytes,
    maxBytes,
    fileBytes: statSync(dataFile(path), { throwIfNoEntry: false })?.size ?? 0,
    oldestAcceptedAt: oldest && decodeRecord(oldest.value)?.acceptedAt,
    lastNumber,
    ids,
    confirmedLogSeq,
    damaged,
  };
}
