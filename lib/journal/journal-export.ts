import { existsSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { AppError } from '../core/app-error.ts';
import { dataFile, openEnvironmentReadOnly } from './environment.ts';
import { findDamage } from './file-check.ts';
import { decodeRecord, type StoredRecord } from './record-codec.ts';
import { salvage } from './salvage.ts';

/** One record as a line of an export: JSON, the body in base 64. */
export interface ExportedRecord {
  readonly number: number;
  /** RFC 3339. */
  readonly acceptedAt: string;
  readonly id: string;
  readonly subject: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The last line: without it, or where it does not fit, the export is not whole. */
export interface ExportEnd {
  readonly records: number;
  /** Of all bytes before this line, as eight hexadecimal digits. */
  readonly crc32: string;
}

export interface ExportResult {
  readonly records: number;
  /** Records that lie in the file and could not be read. */
  readonly unreadable: number;
  /** What is wrong with the file; undefined where it is whole. */
  readonly damage: string | undefined;
}

/**
 * Writes every record that waits, in order, one line each. The file is not changed: beside a running ingest it has what waited at that
 * moment, and of a damaged one everything that can be read.
 * @throws AppError `not_found` where there is no journal
 */
export function exportJournal(path: string, writeLine: (line: string) => void): ExportResult {
  if (!existsSync(dataFile(path))) throw new AppError('not_found', `expected a journal, got nothing at ${path}`);
  let records = 0;
  let checksum = 0;
  const write = (record: StoredRecord): void => {
    const line = `${JSON.stringify(toLine(record))}\n`;
    checksum = crc32(line, checksum);
    records += 1;
    writeLine(line);
  };
  const damage = findDamage(dataFile(path));
  const unreadable = damage === undefined ? writeWhole(path, write) : writeSalvaged(path, write);
  const end: ExportEnd = { records, crc32: hex(checksum) };
  writeLine(`${JSON.stringify({ end })}\n`);
  return { records, unreadable, damage };
}

/** @throws AppError `bad_request` where a line is not one of an export, or the export is not whole */
export function parseExport(text: string): ExportedRecord[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const last = lines.pop();
  const end = last === undefined ? undefined : (parseLine(last, lines.length + 1) as { end?: ExportEnd }).end;
  if (!end) throw new AppError('bad_request', 'expected a last line with the number of records, got none: the export is not whole');
  const checksum = hex(crc32(text.slice(0, text.lastIndexOf(last ?? ''))));
  if (end.records !== lines.length || end.crc32 !== checksum) {
    throw new AppError(
      'bad_request',
      `expected ${end.records} records (${end.crc32}), got ${lines.length} (${checksum}): the export is not whole`,
    );
  }
  return lines.map((line, at) => parseLine(line, at + 1) as ExportedRecord);
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new AppError('bad_request', `expected JSON in line ${number}`, { cause: error });
  }
}

function writeWhole(path: string, write: (record: StoredRecord) => void): number {
  const environment = openEnvironmentReadOnly(path);
  let unreadable = 0;
  try {
    for (const { value } of environment.records.getRange({})) {
      const record = decodeRecord(value);
      if (record) write(record);
      else unreadable += 1;
    }
  } finally {
    void environment.root.close();
  }
  return unreadable;
}

function writeSalvaged(path: string, write: (record: StoredRecord) => void): number {
  const { records, state } = salvage(dataFile(path));
  records.forEach(write);
  return state ? Math.max(0, state.depth - records.length) : 0;
}

function toLine({ number, acceptedAt, emit }: StoredRecord): ExportedRecord {
  const { id, subject, key, headers, body } = emit;
  return { number, acceptedAt: new Date(acceptedAt).toISOString(), id, subject, key, headers, body: Buffer.from(body).toString('base64') };
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
