import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offer } from './test-journal.ts';
import { readLogBack } from './relay-read-back.ts';

test('all that another journal has relayed is found, however much it is, and nothing else', async () => {
  const waiting = new Map(Array.from({ length: 20_000 }, (_, index) => [index + 1, offer(`id ${index + 1}`).emit]));
  const journal = {
    id: 'a',
    read(after: number, limit: number) {
      const records = [];
      for (let number = after + 1; number <= 20_000 && records.length < limit; number += 1) {
        const emit = waiting.get(number);
        if (emit !== undefined) records.push({ number, acceptedAt: 0, emit });
      }
      return records;
    },
    async forget(confirmed: readonly { readonly number: number }[]) {
      for (const { number } of confirmed) waiting.delete(number);
    },
  };
  let passes = 0;
  const log = {
    lastSeq: async () => 19_000,
    async *readBack() {
      passes += 1;
      for (let seq = 1; seq <= 19_000; seq += 500)
        yield Array.from({ length: 500 }, (_, index) => ({ id: `id ${seq + index}`, seq: seq + index, journal: `b:${seq + index}` }));
    },
  };
  const { found } = await readLogBack({ journal, log, after: 0, signal: new AbortController().signal });
  assert.deepEqual([found.length, new Set(found).size, waiting.size, waiting.has(19_001)], [19_000, 19_000, 1_000, true]);
  assert.equal(passes, 3);
});
