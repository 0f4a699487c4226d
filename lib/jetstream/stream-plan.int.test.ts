import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { openTestLog, TEST_STREAM, testEmit } from './test-stream.ts';
import { applyStreams, checkStreamsFit, planStreams } from './stream-plan.ts';
import { readBounds } from './log-reader.ts';

test('applying is idempotent, changes what is harmless, and changes nothing at all where one change is refused', async (t) => {
  const { connection, publisher } = await openTestLog(t);
  const other = { ...TEST_STREAM, name: 'OTHER', subjects: ['other.>'] };
  assert.deepEqual(
    (await applyStreams(connection, [TEST_STREAM, other])).map(({ kind }) => kind),
    ['same', 'create'],
  );
  assert.deepEqual(
    (await applyStreams(connection, [TEST_STREAM, other])).map(({ kind }) => kind),
    ['same', 'same'],
  );

  await publisher().publish(testEmit('a', 1, 'x'.repeat(1_000)), new AbortController().signal);
  const larger = { ...other, max_bytes: 300 * 1024 * 1024, description: 'larger' };
  await assert.rejects(
    applyStreams(connection, [{ ...TEST_STREAM, max_bytes: 500 }, larger]),
    (error) =>
      error instanceof AppError && error.code === 'stream_change_refused' && /LOG max_bytes from 268435456 to 500/.test(error.message),
  );
  assert.deepEqual(
    (await planStreams(connection, [larger])).map(({ kind }) => kind),
    ['update'],
  );
  assert.deepEqual(
    (await applyStreams(connection, [larger])).map(({ kind }) => kind),
    ['update'],
  );
  assert.deepEqual(
    (await planStreams(connection, [larger])).map(({ kind }) => kind),
    ['same'],
  );
  assert.equal((await readBounds(connection, 'LOG')).messages, 1);
});

test('a field that the broker does not know, or a subject of another stream, is refused in words', async (t) => {
  const { connection } = await openTestLog(t);
  await assert.rejects(applyStreams(connection, [{ ...TEST_STREAM, name: 'TWIN' }]), /subjects overlap/);
});

test('streams that are larger than the disk are refused', () => {
  assert.throws(() => checkStreamsFit([TEST_STREAM, TEST_STREAM], TEST_STREAM.max_bytes), /expected at most 268435456 bytes/);
  checkStreamsFit([TEST_STREAM], TEST_STREAM.max_bytes);
});
