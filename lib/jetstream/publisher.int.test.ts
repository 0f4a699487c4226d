import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/app-error.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { testSeed } from '../dev/test-seed.ts';
import { ANSWER_MS, openOwnTestLog, openTestLog, readAll, testEmit } from './test-stream.ts';
import { patience } from '../dev/test-scale.ts';

const never = new AbortController().signal;

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}

test('a broker that is killed again and again loses nothing, stores nothing twice and reorders no key', async (t) => {
  const random = seededRandom(testSeed);
  const { broker, connection, publisher } = await openOwnTestLog(t);
  const publishing = publisher();
  const next = new Map<string, number>();
  const acks: Promise<unknown>[] = [];
  const kills = (async () => {
    for (let kill = 0; kill < 4; kill += 1) {
      await sleep(400 + random() * 800);
      await broker.kill();
      await sleep(random() * 300);
      await broker.start();
    }
  })();
  let isOver = false;
  void kills.finally(() => (isOver = true));
  // About 600 messages/s, in bursts of up to 60, so that singles and batches are both cut off.
  while (!isOver) {
    for (let burst = Math.floor(random() * 60); burst > 0; burst -= 1) {
      const key = `key${Math.floor(random() * 20)}`;
      const number = (next.get(key) ?? 0) + 1;
      next.set(key, number);
      acks.push(publishing.publish(testEmit(key, number), never));
    }
    await sleep(50);
  }
  await kills;
  await Promise.all(acks);

  const stored = new Map<string, number[]>();
  for (const message of await readAll(connection)) {
    const { id, key } = message.toMessage();
    stored.set(key, [...(stored.get(key) ?? []), Number(id.split(':')[1])]);
  }
  t.diagnostic(`${acks.length} messages, 4 kills`);
  for (const [key, count] of next)
    assert.deepEqual(
      stored.get(key),
      Array.from({ length: count }, (_, index) => index + 1),
      key,
    );
});

test('each message is confirmed with its own sequence, in batches too', async (t) => {
  const { connection, publisher } = await openTestLog(t);
  const publishing = publisher();
  const emits = Array.from({ length: 1_000 }, (_, number) => testEmit(`key${number % 7}`, number));
  const acks = await Promise.all(emits.map((emit) => publishing.publish(emit, never)));
  const messages = await readAll(connection);
  const seqById = new Map(messages.map((message) => [message.toMessage().id, message.seq]));
  assert.equal(messages.length, emits.length);
  for (const [index, emit] of emits.entries()) assert.deepEqual(acks[index], { seq: seqById.get(emit.id), duplicate: false });
  assert.ok(messages.some((message) => message.header('ce-type') === 'test'));
});

test('duplicates undo their batch only: they are told as such, the others are stored once and in order', async (t) => {
  const { connection, publisher } = await openTestLog(t);
  const publishing = publisher();
  const emits = Array.from({ length: 600 }, (_, number) => testEmit(`key${number % 5}`, number));
  const early = emits.filter((_, number) => number < 200 && number % 3 === 0);
  const firstAcks = await Promise.all(early.map((emit) => publishing.publish(emit, never)));
  const acks = await Promise.all(emits.map((emit) => publishing.publish(emit, never)));
  for (const [index, emit] of early.entries()) assert.deepEqual(acks[emits.indexOf(emit)], { ...firstAcks[index], duplicate: true });
  assert.equal(acks.filter((ack) => ack.duplicate).length, early.length);
  const late = (await readAll(connection)).map((message) => message.toMessage()).slice(early.length);
  assert.equal(late.length, emits.length - early.length);
  for (const key of new Set(late.map((message) => message.key))) {
    const numbers = late.filter((message) => message.key === key).map((message) => Number(message.id.split(':')[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  }
});

test('a stream that takes no batches gets single messages', async (t) => {
  const { connection, publisher } = await openTestLog(t, { allow_atomic: false });
  const publishing = publisher();
  await Promise.all(Array.from({ length: 200 }, (_, number) => publishing.publish(testEmit(`key${number % 50}`, number), never)));
  assert.equal((await readAll(connection)).length, 200);
});

test('a message that is too large is refused at once, and its key goes on', async (t) => {
  const { connection, publisher } = await openTestLog(t);
  const publishing = publisher();
  const maxBytes = connection.nats.info?.max_payload ?? 0;
  const large = publishing.publish(testEmit('a', 1, 'x'.repeat(maxBytes)), never);
  const next = publishing.publish(testEmit('a', 2), never);
  await assert.rejects(large, hasCode('too_large'));
  await assert.rejects(
    publishing.publish({ ...testEmit('a', 3), headers: { 'ce-subject': 'x'.repeat(70_000) } }, never),
    hasCode('too_large'),
  );
  assert.equal((await next).seq, 1);
});

test('a key with line breaks arrives as it is and steers nothing', async (t) => {
  const { connection, publisher } = await openTestLog(t);
  const key = ' a\r\nNats-Msg-Id: stolen\r\n\r\n\u00e9 ';
  await publisher().publish({ ...testEmit('x', 1), id: 'id 1', key }, never);
  const [message] = (await readAll(connection)).map((scanned) => scanned.toMessage());
  assert.equal(message?.key, key);
  assert.equal(message?.id, 'id 1');
});

test('while the broker stands still the queue is bounded, a deadline holds exactly, and afterwards everything goes on', async (t) => {
  const { broker, connection, publisher } = await openOwnTestLog(t);
  const publishing = publisher({ maxMessages: 50 });
  await publishing.publish(testEmit('a', 0), never);
  broker.freeze();
  const waiting = Array.from({ length: 49 }, (_, index) => publishing.publish(testEmit('a', index + 1), never));
  const began = performance.now();
  const late = publishing.publish(testEmit('b', 1), AbortSignal.timeout(300));
  await assert.rejects(publishing.publish(testEmit('c', 1), never), hasCode('overloaded'));
  await assert.rejects(late, hasCode('broker_unavailable'));
  const waitedMs = performance.now() - began;
  assert.ok(waitedMs >= 290 && waitedMs < patience(600), `waited ${waitedMs} ms`);
  // The abandoned message is in flight: its key stays behind it.
  const behind = publishing.publish(testEmit('b', 2), never);
  broker.thaw();
  await Promise.all([...waiting, behind]);
  const ids = (await readAll(connection)).map((message) => message.toMessage().id);
  assert.deepEqual(
    ids.filter((id) => id.startsWith('a')),
    Array.from({ length: 50 }, (_, index) => `a:${index}`),
  );
  const ofB = ids.filter((id) => id.startsWith('b'));
  assert.deepEqual(ofB, ofB.length === 2 ? ['b:1', 'b:2'] : ['b:2']);
});

test('to a broker that stands still nothing is sent a second time', async (t) => {
  const { broker, connection, publisher } = await openOwnTestLog(t);
  const publishing = publisher();
  await publishing.publish(testEmit('key', 0), never);
  broker.freeze();
  // The second try would come after a second; the connection is found dead after two to three.
  await assert.rejects(publishing.publish(testEmit('key', 1), AbortSignal.timeout(1_700)), /sent 1 times/);
  const later = publishing.publish(testEmit('key', 2), never);
  broker.thaw();
  await later;
  assert.deepEqual(
    (await readAll(connection)).map((message) => message.toMessage().id),
    ['key:0', 'key:1', 'key:2'],
  );
});

test('a full stream holds messages back until there is room, and says so to who cannot wait', async (t) => {
  const { connection, publisher } = await openTestLog(t, { max_bytes: 40_000 });
  const told: string[] = [];
  const publishing = publisher({ onHeldUp: (because) => told.push(because) });
  const fill = Array.from({ length: 8 }, (_, number) =>
    publishing.publish(testEmit(`k${number}`, 1, 'x'.repeat(9_000)), AbortSignal.timeout(3_000)).catch((error: unknown) => error),
  );
  const results = await Promise.all(fill);
  const refused = results.filter((result) => result instanceof AppError);
  assert.ok(refused.length >= 4 && refused.length < 8, `refused ${refused.length} of 8`);
  assert.match(String(refused[0]), /maximum bytes exceeded/);
  // Once, although it was asked for three seconds again and again.
  assert.deepEqual(told, ['maximum bytes exceeded (10077)']);
  const patient = publishing.publish(testEmit('late', 1, 'x'.repeat(9_000)), never);
  await connection.nats.request('$JS.API.STREAM.PURGE.LOG', '', { timeout: ANSWER_MS });
  assert.equal((await patient).duplicate, false);
});

test('a subject that no stream takes is refused for good, after the time that a start may take', async (t) => {
  const { publisher } = await openTestLog(t);
  await assert.rejects(publisher().publish({ ...testEmit('a', 1), subject: 'nowhere.at.all' }, never), hasCode('broker_refused'));
});

test('stopping is bounded while the broker is away, and rejects what is not settled', async (t) => {
  const { broker, publisher } = await openOwnTestLog(t);
  const publishing = publisher();
  await broker.kill();
  const open = assert.rejects(publishing.publish(testEmit('a', 1), never), hasCode('broker_unavailable'));
  const began = performance.now();
  await publishing.stop(200);
  await open;
  assert.ok(performance.now() - began < patience(1_000));
  await assert.rejects(publishing.publish(testEmit('a', 2), never), hasCode('broker_unavailable'));
});

test('what is in doubt for too long is given back instead of sent again, with all that waits behind it', async (t) => {
  const { broker, publisher } = await openOwnTestLog(t);
  // The first retry comes after a second.
  const publishing = publisher({ doubtMs: 500 });
  const patient = publisher();
  await patient.publish(testEmit('key', 1), never);
  broker.freeze();
  const fates = await Promise.allSettled([2, 3].map((number) => publishing.publish(testEmit('key', number), never)));
  for (const fate of fates) assert.ok(fate.status === 'rejected' && hasCode('broker_unavailable')(fate.reason));
  broker.thaw();
  const { seq, duplicate } = await patient.publish(testEmit('key', 2), never);
  assert.deepEqual([seq, duplicate], [2, true], 'the first try was stored when the broker went on');
});
