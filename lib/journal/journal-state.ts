import { crc32 } from 'node:zlib';

/**
 * What the journal counts. It lies in the file as one value and is written with every transaction, so it is never wrong. It has a magic and a
 * checksum of its own, and the journal's id: it can be found again in a file whose tree is gone.
 */
export interface JournalState {
  /** Transactions so far: of two states, the higher one is the later. */
  commits: number;
  lastNumber: number;
  /** No record below this number waits any more. Only rises. */
  floor: number;
  depth: number;
  bytes: number;
  ids: number;
  confirmedLogSeq: number;
  damaged: number;
}

const FIELDS = [
  'commits',
  'lastNumber',
  'floor',
  'depth',
  'bytes',
  'ids',
  'confirmedLogSeq',
  'damaged',
] as const satisfies (keyof JournalState)[];

export const STATE_MAGIC = Buffer.from('VJS1', 'latin1');

/** Eight random bytes as hexadecimal digits. */
export const JOURNAL_ID_CHARS = 16;

const CRC_AT = 4;
const ID_AT = 8;
const FIELDS_AT = ID_AT + JOURNAL_ID_CHARS;

/** Doubles: exact up to 2^53, which at 20,000 numbers a second takes 14,000 years. */
const FIELD_BYTES = 8;

export const STATE_BYTES = FIELDS_AT + FIELDS.length * FIELD_BYTES;

export function emptyState(): JournalState {
  return { commits: 0, lastNumber: 0, floor: 1, depth: 0, bytes: 0, ids: 0, confirmedLogSeq: 0, damaged: 0 };
}

export function encodeState(journalId: string, state: JournalState): Buffer {
  const bytes = Buffer.allocUnsafe(STATE_BYTES);
  STATE_MAGIC.copy(bytes);
  bytes.write(journalId, ID_AT, JOURNAL_ID_CHARS, 'latin1');
  for (const [at, field] of FIELDS.entries()) bytes.writeDoubleLE(state[field], FIELDS_AT + at * FIELD_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(ID_AT)), CRC_AT);
  return bytes;
}

/** Undefined where the bytes are not a state. */
export function decodeState(bytes: Buffer): { journalId: string; state: JournalState } | undefined {
  if (bytes.length !== STATE_BYTES || STATE_MAGIC.compare(bytes, 0, STATE_MAGIC.length) !== 0) return undefined;
  if (crc32(bytes.subarray(ID_AT)) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const state = emptyState();
  for (const [at, field] of FIELDS.entries()) state[field] = bytes.readDoubleLE(FIELDS_AT + at * FIELD_BYTES);
  return { journalId: bytes.toString('latin1', ID_AT, FIELDS_AT), state };
}
