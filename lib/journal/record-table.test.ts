import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';

import { openEnvironment } from './environment.ts';
import { identityKey } from './identity-set.ts';
import { emptyState } from './journal-state.ts';
import { decodeRecord, encodeOffer } from './record-codec.ts';
import { storeRecords } from './record-table.ts';
import { journalPath, offer } from './test-journal.ts';

test('a record is stored beside those that a broken transaction has left, and never under a number that is taken', async (t) => {
  const path = journalPath(t);
  mkdirSync(path);
  const environment = openEnvironment(path);
  t.after(() => environment.root.close());
  const ready = (id: string) => ({ bytes: encodeOffer(offer(id), 1), key: identityKey(id) });

  // What the library does with it: the promise is rejected, and the records are there.
  const broken = environment.root.transaction(() => {
    storeRecords(environment, emptyState(), [ready('left 1'), ready('left 2')], 1, Infinity);
    throw new Error('broken');
  });
  await assert.rejects(broken, /broken/);

  const state = emptyState();
  const appended = await environment.root.transaction(() => storeRecords(environment, state, [ready('a'), ready('b')], 2, Infinity));
  assert.deepEqual(
    appended?.map(({ number, duplicate }) => [number, duplicate]),
    [
      [3, false],
      [4, false],
    ],
  );
  const ids = [...environment.records.getRange({})].map(({ value }) => decodeRecord(value)?.emit.id);
  assert.deepEqual(ids, ['left 1', 'left 2', 'a', 'b']);
  assert.equal(state.lastNumber, 4);
});
