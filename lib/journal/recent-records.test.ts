import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { scaled } from '../dev/test-scale.ts';
import type { JournalRecord } from './journal.ts';
import { RecentRecords } from './recent-records.ts';
import { offer } from './test-journal.ts';

const recordOf = (number: number, bytes: number): JournalRecord => ({
  number,
  acceptedAt: number,
  emit: offer(`event-${number}`, { bytes }).emit,
});

test('whatever is stored, forgotten and stored by others, what is read from memory is what the file has', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('store' as const), count: fc.integer({ min: 1, max: 200 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('forget' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unseen' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('seen' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 100_000 }), (steps, bytes) => {
      const file = new Map<number, JournalRecord>();
      let lastNumber = 7;
      const recent = new RecentRecords(lastNumber);
      const store = (): JournalRecord => {
        lastNumber += 1;
        const record = recordOf(lastNumber, bytes);
        file.set(lastNumber, record);
        return record;
      };
      for (const one of steps) {
        if (one.kind === 'store') for (let count = 0; count < one.count; count += 1) recent.add(store());
        else if (one.kind === 'forget') {
          const numbers = [...file.keys()].slice(0, Math.floor(file.size * one.share));
          for (const number of numbers) file.delete(number);
          recent.forget(numbers.map((number) => ({ number, logSeq: 1 })));
        } else {
          store();
          // By another process: it is noticed at the next look, or when the next own number is not the one behind the last.
          if (one.kind === 'seen') recent.clear(lastNumber);
          else recent.add(store());
        }
        for (const after of [0, lastNumber - 300, lastNumber - 3, lastNumber - 1]) {
          for (const limit of [1, 32, 1_000]) {
            const expected = [...file.values()].filter(({ number }) => number > after).slice(0, limit);
            const read = recent.read(after, limit);
            if (read !== undefined) assert.deepEqual(read, expected);
          }
        }
      }
    }),
    { numRuns: scaled({ day: 30, night: 300 }) },
  );
});

test('a relay that keeps up is served from memory, and one that is far behind from the file', () => {
  const recent = new RecentRecords(0);
  assert.equal(recent.read(0, 10), undefined);
  for (let number = 1; number <= 1_000; number += 1) recent.add(recordOf(number, 10));
  assert.deepEqual(
    recent.read(998, 10)?.map(({ number }) => number),
    [999, 1_000],
  );
  assert.equal(recent.read(1_000, 10), undefined);
  assert.equal(recent.read(0, 10), undefined);
  // Large ones make room for themselves: no more than a few megabytes are held.
  for (let number = 1_001; number <= 1_010; number += 1) recent.add(recordOf(number, 1_000_000));
  assert.equal(recent.read(1_005, 10), undefined);
  assert.equal(recent.read(1_006, 10)?.length, 4);
});
