import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { emptyState, encodeState } from './journal-state.ts';
import { encodeOffer, sealRecord } from './record-codec.ts';
import { salvage } from './salvage.ts';
import { offer } from './test-journal.ts';

test('records are found wherever they lie, each number once, none below the floor, and no damaged one', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-salvage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'data.mdb');
  const id = '0123456789abcdef';
  const older = encodeState(id, { ...emptyState(), commits: 7, floor: 1 });
  const later = encodeState(id, { ...emptyState(), commits: 8, floor: 3, confirmedLogSeq: 99 });
  const wild = record(7);
  wild.writeUInt32LE(0x8000_0000, 8);
  const broken = record(8);
  broken[broken.length - 1]! ^= 1;
  // A chunk is 4 MB: one record lies across two of them, and one is longer than what a chunk has left.
  writeFileSync(
    path,
    Buffer.concat([
      later,
      Buffer.alloc(5),
      record(9, 100_000),
      older,
      record(2),
      record(3),
      wild,
      broken,
      Buffer.alloc(4_194_304 - 100_900),
      record(4, 9_000),
      record(3),
      record(5).subarray(0, 50),
    ]),
  );
  const { records, state, relayed } = salvage(path);
  assert.deepEqual(
    records.map(({ number, emit }) => [number, emit.id, emit.body.length]),
    [
      [3, 'id 3', 20],
      [4, 'id 4', 9_000],
      [9, 'id 9', 100_000],
    ],
  );
  assert.deepEqual([state?.commits, state?.confirmedLogSeq, relayed], [8, 99, 1]);
});

test('without a readable state everything that is readable waits, and nothing counts as relayed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-salvage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'data.mdb');
  const state = encodeState('0123456789abcdef', { ...emptyState(), commits: 8, floor: 3, confirmedLogSeq: 99 });
  state[state.length - 1]! ^= 1;
  writeFileSync(path, Buffer.concat([state, record(4), record(2)]));
  const found = salvage(path);
  assert.deepEqual([found.records.map(({ number }) => number), found.state, found.relayed], [[2, 4], undefined, 0]);
});

test('what a sender writes is taken neither for a state nor for a record, and comes back as it was', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-salvage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'data.mdb');
  const id = '0123456789abcdef';
  const forgedState = encodeState(id, { ...emptyState(), commits: Number.MAX_SAFE_INTEGER, floor: Number.MAX_SAFE_INTEGER });
  const body = Buffer.concat([Buffer.from('{"text":"'), forgedState, record(7), Buffer.from('"}')]);
  const { emit, isRemembered } = offer('id 1');
  const stored = encodeOffer({ emit: { ...emit, key: 'VJS1', body }, isRemembered }, 5);
  sealRecord(stored, 1);
  writeFileSync(path, Buffer.concat([encodeState(id, { ...emptyState(), commits: 1, floor: 1 }), stored, record(2)]));
  const { records, state } = salvage(path);
  assert.equal(state?.commits, 1);
  assert.deepEqual(
    records.map(({ number, emit: { id: eventId } }) => [number, eventId]),
    [
      [1, 'id 1'],
      [2, 'id 2'],
    ],
  );
  const [first] = records;
  assert.deepEqual([first?.emit.key, first?.emit.subject, first?.acceptedAt, first?.isRemembered], ['VJS1', emit.subject, 5, isRemembered]);
  assert.deepEqual(Buffer.from(first?.emit.body ?? []), body);
});

function record(number: number, bytes = 20): Buffer {
  const encoded = encodeOffer(offer(`id ${number}`, { bytes }), 0);
  sealRecord(encoded, number);
  return encoded;
}
