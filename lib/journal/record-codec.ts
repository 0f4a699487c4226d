import { crc32 } from 'node:zlib';

import type { Emit } from '../actor/message.ts';
import type { JournalOffer, JournalRecord } from './journal.ts';
import { STATE_MAGIC } from './journal-state.ts';

/**
 * A record as it lies in the file. Little-endian, one piece, so that it can be found again in a file whose tree is gone.
 *
 *     0  4  magic "VJR1"
 *     4  4  CRC-32 of everything behind it
 *     8  4  length of the whole record
 *    12  2  flags: 1 = its identity is remembered, 2 = head and body are written as hexadecimal digits
 *    14  2  nothing yet
 *    16  8  number (double: exact up to 2^53)
 *    24  8  accepted at, milliseconds since the epoch (double)
 *    32  4  length of the head, before it was written as digits
 *    36     head: JSON of [id, subject, key, headers]
 *           body, byte for byte
 *
 * The number is known only inside the transaction, so a record is written in two steps: everything else when it is offered, while an
 * earlier transaction is being flushed, then the number and the checksum.
 *
 * Senders decide what is in head and body, and a damaged file is read by the magics in it: where one stands in there, what a sender wrote
 * would be taken for a record, or for a state that says that nothing waits. Such a record is written as digits, which are no magic.
 */
export const RECORD_MAGIC = Buffer.from('VJR1', 'latin1');

export const RECORD_FIXED_BYTES = 36;

const CRC_AT = 4;
const LENGTH_AT = 8;
const FLAGS_AT = 12;
const NUMBER_AT = 16;
const ACCEPTED_AT = 24;
const HEAD_LENGTH_AT = 32;

const FLAG_REMEMBERED = 1;
const FLAG_DIGITS = 2;

/** A record of the file, with what only the journal itself wants to know of it. */
export interface StoredRecord extends JournalRecord {
  readonly isRemembered: boolean;
}

/** Everything but number and checksum. The bytes are owned by the caller. */
export function encodeOffer({ emit, isRemembered }: JournalOffer, acceptedAt: number): Buffer {
  const head = JSON.stringify([emit.id, emit.subject, emit.key, emit.headers]);
  const headBytes = Buffer.byteLength(head);
  const length = RECORD_FIXED_BYTES + headBytes + emit.body.length;
  const bytes = Buffer.allocUnsafe(length);
  RECORD_MAGIC.copy(bytes);
  bytes.writeUInt32LE(length, LENGTH_AT);
  bytes.writeUInt32LE(isRemembered ? FLAG_REMEMBERED : 0, FLAGS_AT);
  bytes.writeDoubleLE(acceptedAt, ACCEPTED_AT);
  bytes.writeUInt32LE(headBytes, HEAD_LENGTH_AT);
  bytes.write(head, RECORD_FIXED_BYTES, headBytes, 'utf8');
  bytes.set(emit.body, RECORD_FIXED_BYTES + headBytes);
  const told = bytes.subarray(RECORD_FIXED_BYTES);
  return told.includes(RECORD_MAGIC) || told.includes(STATE_MAGIC) ? asDigits(bytes) : bytes;
}

function asDigits(plain: Buffer): Buffer {
  const length = RECORD_FIXED_BYTES + 2 * (plain.length - RECORD_FIXED_BYTES);
  const bytes = Buffer.allocUnsafe(length);
  plain.copy(bytes, 0, 0, RECORD_FIXED_BYTES);
  bytes.writeUInt32LE(length, LENGTH_AT);
  bytes.writeUInt32LE(plain.readUInt32LE(FLAGS_AT) | FLAG_DIGITS, FLAGS_AT);
  bytes.write(plain.toString('hex', RECORD_FIXED_BYTES), RECORD_FIXED_BYTES, 'latin1');
  return bytes;
}

/** The second step: makes the bytes of `encodeOffer` a whole record. May be called again with another number. */
export function sealRecord(bytes: Buffer, number: number): void {
  bytes.writeDoubleLE(number, NUMBER_AT);
  bytes.writeUInt32LE(crc32(bytes.subarray(LENGTH_AT)), CRC_AT);
}

/** The length that a record at the start of these bytes claims to have; undefined where there is none. */
export function claimedLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < RECORD_FIXED_BYTES) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, RECORD_FIXED_BYTES);
  if (RECORD_MAGIC.compare(view, 0, RECORD_MAGIC.length) !== 0) return undefined;
  const length = view.readUInt32LE(LENGTH_AT);
  return length >= RECORD_FIXED_BYTES + view.readUInt32LE(HEAD_LENGTH_AT) ? length : undefined;
}

/** The record; undefined where the checksum does not fit. The body is a view of `value`. */
export function decodeRecord(value: Uint8Array): StoredRecord | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (claimedLength(bytes) !== bytes.length) return undefined;
  if (crc32(bytes.subarray(LENGTH_AT)) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const flags = bytes.readUInt32LE(FLAGS_AT);
  const isDigits = (flags & FLAG_DIGITS) !== 0;
  const told = isDigits ? Buffer.from(bytes.toString('latin1', RECORD_FIXED_BYTES), 'hex') : bytes.subarray(RECORD_FIXED_BYTES);
  const headBytes = bytes.readUInt32LE(HEAD_LENGTH_AT);
  const [id, subject, key, headers] = JSON.parse(told.toString('utf8', 0, headBytes)) as [string, string, string, Emit['headers']];
  return {
    number: bytes.readDoubleLE(NUMBER_AT),
    acceptedAt: bytes.readDoubleLE(ACCEPTED_AT),
    isRemembered: (flags & FLAG_REMEMBERED) !== 0,
    emit: { id, subject, key, headers, body: told.subarray(headBytes) },
  };
}
