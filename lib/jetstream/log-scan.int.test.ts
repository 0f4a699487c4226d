import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBounds } from './log-reader.ts';
import { scanLog, type ScanOptions } from './log-scan.ts';
import { ANSWER_MS, openOwnTestLog, openTestLog, readAll, testEmit, type TestLog } from './test-stream.ts';

const never = new AbortController().signal;

async function fill(log: TestLog, count: number): Promise<void> {
  const publisher = log.publisher();
  const emits = Array.from({ length: count }, (_, number) => ({
    ...testEmit('a', number),
    subject: number % 2 === 0 ? 'log.even' : 'log.odd',
  }));
  await Promise.all(emits.map((emit) => publisher.publish(emit, never)));
}

async function seqsOf(log: TestLog, options: Omit<ScanOptions, 'stream'>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const chunk of scanLog(log.connection, { stream: 'LOG', ...options })) seqs.push(...chunk.map(({ seq }) => seq));
  return seqs;
}

test('a scan reads a range and a filter, in order, across chunks, and leaves no consumer behind', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 5_000);
  assert.deepEqual(
    await seqsOf(log, {}),
    Array.from({ length: 5_000 }, (_, index) => index + 1),
  );
  assert.deepEqual(await seqsOf(log, { fromSeq: 4_990, toSeq: 4_995 }), [4_990, 4_991, 4_992, 4_993, 4_994, 4_995]);
  assert.deepEqual(await seqsOf(log, { fromSeq: 10, toSeq: 16, filter: 'log.even' }), [11, 13, 15]);
  assert.deepEqual(await seqsOf(log, { filter: 'log.none' }), []);
  assert.deepEqual(await seqsOf(log, { fromSeq: 5_001 }), []);
  const { state } = await log.connection.nats
    .request('$JS.API.STREAM.INFO.LOG', '', { timeout: ANSWER_MS })
    .then((answer) => answer.json<{ state: { consumer_count: number } }>());
  assert.equal(state.consumer_count, 0);
});

test('a scan can leave out the bodies and what was stored before a moment, and still tells how long the bodies are', async (t) => {
  const log = await openTestLog(t);
  const publisher = log.publisher();
  await publisher.publish(testEmit('a', 1, 'a body'), never);
  await publisher.publish(testEmit('a', 2), never);
  const [first] = await readAll(log.connection);
  assert.equal(first?.bodyBytes, 6);
  const withoutBodies: unknown[] = [];
  for await (const chunk of scanLog(log.connection, { stream: 'LOG', headersOnly: true }))
    withoutBodies.push(...chunk.map((message) => [message.bodyBytes, message.toMessage().body.byteLength, message.header('ce-type')]));
  assert.deepEqual(withoutBodies, [
    [6, 0, 'test'],
    [0, 0, 'test'],
  ]);
  assert.deepEqual(await seqsOf(log, { sinceMs: first.storedAt - 1_000 }), [1, 2]);
  assert.deepEqual(await seqsOf(log, { sinceMs: first.storedAt + 60_000 }), []);
});

test('a scan goes on where it was when the broker is killed in its middle', async (t) => {
  const log = await openOwnTestLog(t);
  await fill(log, 4_500);
  const seqs: number[] = [];
  let killed: Promise<void> | undefined;
  for await (const chunk of scanLog(log.connection, { stream: 'LOG' })) {
    seqs.push(...chunk.map(({ seq }) => seq));
    killed ??= log.broker.kill().then(() => log.broker.start());
    await killed;
  }
  assert.deepEqual(
    seqs,
    Array.from({ length: 4_500 }, (_, index) => index + 1),
  );
});

test('the bounds of an empty log begin behind its last message', async (t) => {
  const log = await openTestLog(t);
  assert.deepEqual(await readBounds(log.connection, 'LOG'), {
    firstSeq: 1,
    lastSeq: 0,
    messages: 0,
    bytes: 0,
    maxBytes: 256 * 1024 * 1024,
    firstAt: undefined,
    lastAt: undefined,
  });
  await fill(log, 3);
  await log.connection.nats.request('$JS.API.STREAM.PURGE.LOG', '', { timeout: ANSWER_MS });
  const { firstSeq, lastSeq } = await readBounds(log.connection, 'LOG');
  assert.deepEqual({ firstSeq, lastSeq }, { firstSeq: 4, lastSeq: 3 });
});
