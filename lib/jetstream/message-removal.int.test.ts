import assert from 'node:assert/strict';
import { test } from 'node:test';
import { purgeMessages, removeMessages } from './message-removal.ts';
import { openTestLog, readAll, testEmit } from './test-stream.ts';

const never = new AbortController().signal;

test('messages are removed by their sequences, those that are gone are passed over, and a purge ends where it is told', async (t) => {
  const log = await openTestLog(t);
  const publisher = log.publisher();
  for (let number = 1; number <= 60; number += 1)
    await publisher.publish({ ...testEmit('a', number), subject: number % 2 === 0 ? 'log.even' : 'log.odd' }, never);
  const seqs = async () => (await readAll(log.connection)).map(({ seq }) => seq);

  const first = Array.from({ length: 40 }, (_, index) => index + 1);
  assert.equal(await removeMessages(log.connection, 'LOG', first), 40);
  assert.equal(await removeMessages(log.connection, 'LOG', [...first, 41, 61, 1_000]), 1);
  assert.equal((await seqs())[0], 42);
  assert.equal(await removeMessages(log.connection, 'LOG', []), 0);

  assert.equal(await purgeMessages(log.connection, 'LOG', { filter: 'log.even', seq: 50 }), 5);
  assert.deepEqual(await seqs(), [43, 45, 47, 49, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
});

test('a stream that is not there is told', async (t) => {
  const log = await openTestLog(t);
  await assert.rejects(removeMessages(log.connection, 'NONE', [1]), { code: 'broker_refused' });
});
