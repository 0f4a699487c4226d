import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { decodeState, STATE_BYTES, STATE_MAGIC, type JournalState } from './journal-state.ts';
import { claimedLength, decodeRecord, RECORD_FIXED_BYTES, RECORD_MAGIC, type StoredRecord } from './record-codec.ts';

/** What a damaged file still has. */
export interface Salvaged {
  /** In the order of their numbers, each once. */
  readonly records: readonly StoredRecord[];
  /** The latest readable one. */
  readonly state: JournalState | undefined;
  /** Records below the floor of that state: the log has them. */
  readonly relayed: number;
}

/** Read at once; every find that reaches over its end is read again on its own. */
const CHUNK_BYTES = 4_194_304;

/**
 * Reads a file from end to end and takes everything that has the magic and a fitting checksum, whatever the tree says.
 *
 * LMDB leaves old copies in free pages, so a record may be found that was forgotten long ago. The latest state has the lowest
 * number that still waited: what is below it is left out. What is above may have been relayed out of order; it is relayed again, and
 * dropped by its id where the log or the broker's window knows it.
 *
 * Without a readable state nothing is left out: one that was relayed may come twice, one that was not would be lost. The new journal then has confirmed
 * nothing, so the relay reads the whole log back before it sends.
 */
export function salvage(dataPath: string): Salvaged {
  const file = openSync(dataPath, 'r');
  try {
    const fileBytes = fstatSync(file).size;
    const records = new Map<number, StoredRecord>();
    let state: JournalState | undefined;
    for (const { magic, at, bytes } of findMagics(file)) {
      if (magic === 'state') {
        const found = decodeState(bytes.subarray(0, STATE_BYTES))?.state;
        if (found && found.commits > (state?.commits ?? -1)) state = found;
        continue;
      }
      const length = claimedLength(bytes);
      // A damaged length may say anything.
      if (length === undefined || at + length > fileBytes) continue;
      const whole = bytes.length >= length ? bytes.subarray(0, length) : readAt(file, at, length);
      const record = decodeRecord(whole);
      // A copy: the chunk that it lies in is large.
      if (record && !records.has(record.number)) records.set(record.number, copyOf(record));
    }
    const floor = state?.floor ?? 0;
    const all = [...records.values()].sort((left, right) => left.number - right.number);
    const waiting = all.filter(({ number }) => number >= floor);
    return { records: waiting, state, relayed: all.length - waiting.length };
  } finally {
    closeSync(file);
  }
}

function* findMagics(file: number): Generator<{ magic: 'record' | 'state'; at: number; bytes: Buffer }> {
  // A magic, and a state whole, may lie across two chunks.
  const overlap = Math.max(STATE_BYTES, RECORD_FIXED_BYTES);
  for (let start = 0; ; start += CHUNK_BYTES) {
    const chunk = readAt(file, start, CHUNK_BYTES + overlap);
    for (const [magic, pattern] of [
      ['state', STATE_MAGIC],
      ['record', RECORD_MAGIC],
    ] as const) {
      for (let at = chunk.indexOf(pattern); at !== -1 && at < CHUNK_BYTES; at = chunk.indexOf(pattern, at + 1)) {
        yield { magic, at: start + at, bytes: chunk.subarray(at) };
      }
    }
    if (chunk.length < CHUNK_BYTES + overlap) return;
  }
}

function copyOf(record: StoredRecord): StoredRecord {
  return { ...record, emit: { ...record.emit, body: Buffer.from(record.emit.body) } };
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}
