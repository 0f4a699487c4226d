import assert from 'node:assert/strict';
import { test } from 'node:test';

import { importRecords } from './journal-import.ts';
import { idsOf, journalPath, offer, openTestJournal } from './test-journal.ts';

test('an export of a disk that was away for weeks is imported once, with its first times, however often it is done', async (t) => {
  const path = journalPath(t);
  const journal = await openTestJournal(t, path);
  const acceptedAt = Date.now() - 21 * 86_400_000;
  const { body, ...emit } = offer('old').emit;
  const records = [{ ...emit, number: 1, acceptedAt: new Date(acceptedAt).toISOString(), body: Buffer.from(body).toString('base64') }];
  assert.deepEqual(await importRecords(path, records, 1_000_000), { imported: 1, known: 0, left: 0 });
  // Every commit forgets some of the identities that are too old.
  await journal.append([offer('live')]);
  assert.deepEqual(await importRecords(path, records, 1_000_000), { imported: 0, known: 1, left: 0 });
  assert.deepEqual(idsOf(journal), ['old', 'live']);
  assert.equal(journal.read(0, 1)[0]?.acceptedAt, acceptedAt);
});
