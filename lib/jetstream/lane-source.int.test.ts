import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery, LaneSource, PullEnd } from '../actor/broker-port.ts';
import { AppError } from '../core/app-error.ts';
import { poll } from '../dev/poll.ts';
import { requestApi } from './api-request.ts';
import { createBrokerAdapter } from './broker-adapter.ts';
import { connectBroker } from './connection.ts';
import { createLaneSource } from './lane-source.ts';
import { ANSWER_MS, openOwnTestLog, openTestLog, testEmit, type TestLog } from './test-stream.ts';
import { patience } from '../dev/test-scale.ts';

const never = new AbortController().signal;
const SPEC = { stream: 'LOG', consumer: 'actor-default-0', filterSubjects: ['log.default.1.>', 'log.default.5.>'] };
/** Of a pull that ends because its batch is full, or because something happens to it. */
const EXPIRES_MS = 60_000;

/** More than any pull of these tests brings. */
const MANY_BYTES = 1024 ** 3;

async function fill(log: TestLog, count: number, subject = 'log.default.1.test', body?: string): Promise<void> {
  const publisher = log.publisher();
  await Promise.all(
    Array.from({ length: count }, (_, number) =>
      publisher.publish({ ...testEmit('a', number, body), id: `${subject}:${number}`, subject }, never),
    ),
  );
}

async function pull(
  lane: LaneSource,
  batch: number,
  expiresMs = EXPIRES_MS,
  bytes = MANY_BYTES,
): Promise<{ end: PullEnd; deliveries: Delivery[]; tookMs: number }> {
  const deliveries: Delivery[] = [];
  const began = performance.now();
  const end = await lane.pull({ messages: batch, bytes }, expiresMs, (delivery) => deliveries.push(delivery), never);
  return { end, deliveries, tookMs: performance.now() - began };
}

const seqs = (deliveries: readonly Delivery[]): number[] => deliveries.map(({ message }) => message.seq);

test('a lane delivers what its filters match, in order, numbered from 1, until the batch is full or the time is up', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 30);
  await fill(log, 10, 'log.bulk.1.test');
  await fill(log, 10, 'log.default.5.test');
  const lane = createLaneSource(log.connection, SPEC);
  const state = await lane.ensure();
  assert.deepEqual({ ...state, created: '' }, { created: '', deliveredConsumerSeq: 0, deliveredStreamSeq: 0, pending: 40, lastSeq: 50 });
  assert.equal((await lane.ensure()).created, state.created);
  const full = await pull(lane, 35);
  assert.equal(full.end, 'complete');
  const rest = await pull(lane, 35, 2_000);
  assert.equal(rest.end, 'expired');
  assert.ok(rest.tookMs < 2_000 + patience(250), `took ${rest.tookMs} ms`);
  const all = [...full.deliveries, ...rest.deliveries];
  assert.deepEqual(
    all.map(({ consumerSeq }) => consumerSeq),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  assert.deepEqual(seqs(all), [
    ...Array.from({ length: 30 }, (_, index) => index + 1),
    ...Array.from({ length: 10 }, (_, index) => index + 41),
  ]);
  const { message } = all[0]!;
  assert.deepEqual(
    { id: message.id, key: message.key, priority: message.priority, round: message.round, type: message.headers['ce-type'] },
    { id: 'log.default.1.test:0', key: 'a', priority: 'default', round: 0, type: 'test' },
  );
  assert.ok(Math.abs(message.storedAt - Date.now()) < 60_000);
});

test('a pull brings no more bytes than there is room for, and the next one goes on; the largest message comes all the same', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 7, undefined, 'x'.repeat(300_000));
  await fill(log, 1, 'log.default.5.test', 'x'.repeat(1_000_000));
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  const pulled: Delivery[][] = [];
  for (let count = 0; count < 8; count += pulled.at(-1)!.length) {
    const { end, deliveries } = await pull(lane, 8 - count, EXPIRES_MS, 500_000);
    pulled.push(deliveries);
    assert.equal(end, 'complete');
    const bytes = deliveries.reduce((sum, { message }) => sum + message.body.byteLength, 0);
    assert.ok(deliveries.length > 0 && bytes <= (log.connection.nats.info?.max_payload ?? 0), `${bytes} bytes at once`);
  }
  assert.deepEqual(
    pulled.flat().map(({ consumerSeq }) => consumerSeq),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
});

test('a message that somebody published by hand has its address as identity', async (t) => {
  const log = await openTestLog(t);
  await log.connection.nats.request('log.default.1.x', 'by hand', { timeout: ANSWER_MS });
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  const [delivery] = (await pull(lane, 1)).deliveries;
  const { id, key, round, headers, body } = delivery!.message;
  assert.deepEqual(
    { id, key, round, headers, body: Buffer.from(body).toString() },
    { id: 'LOG:1', key: 'LOG:1', round: 0, headers: {}, body: 'by hand' },
  );
});

test('re-pointing clears what is pending, counts from 1 again, and holds the bounds of the log', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 20);
  const lane = createLaneSource(log.connection, SPEC);
  const { created } = await lane.ensure();
  for (const delivery of (await pull(lane, 15)).deliveries.slice(0, 5)) lane.ack(delivery);
  const state = await lane.repoint(8);
  assert.deepEqual(state, { created, deliveredConsumerSeq: 0, deliveredStreamSeq: 7, pending: 13, lastSeq: 20 });
  const again = await pull(lane, 13);
  assert.deepEqual(
    seqs(again.deliveries),
    Array.from({ length: 13 }, (_, index) => index + 8),
  );
  assert.equal(again.deliveries[0]?.consumerSeq, 1);

  await assert.rejects(
    lane.repoint(22),
    (error) => error instanceof AppError && error.code === 'out_of_bounds' && /up to 21, got 22/.test(error.message),
  );
  assert.equal((await lane.repoint(21)).deliveredStreamSeq, 20);
  await requestApi(log.connection, '$JS.API.STREAM.PURGE.LOG', { seq: 11 }, ANSWER_MS);
  await lane.repoint(0);
  assert.deepEqual(
    seqs((await pull(lane, 10)).deliveries),
    Array.from({ length: 10 }, (_, index) => index + 11),
  );
});

test("a message that another process's pull took shows as a gap", async (t) => {
  const log = await openTestLog(t);
  await fill(log, 6);
  const elsewhere = await connectBroker({ url: log.url, name: 'elsewhere' });
  t.after(() => elsewhere.close());
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  await pull(lane, 2);
  await pull(createLaneSource(elsewhere, SPEC), 1);
  assert.deepEqual(
    (await pull(lane, 1)).deliveries.map(({ consumerSeq }) => consumerSeq),
    [4],
  );
});

test('an aborted pull eats nothing that comes later', async (t) => {
  const log = await openTestLog(t);
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  const controller = new AbortController();
  const aborted = lane.pull(
    { messages: 10, bytes: MANY_BYTES },
    10_000,
    () => assert.fail('delivered to an aborted pull'),
    controller.signal,
  );
  controller.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
  await log.connection.nats.flush();
  await fill(log, 3);
  assert.deepEqual(
    (await pull(lane, 3)).deliveries.map(({ consumerSeq }) => consumerSeq),
    [1, 2, 3],
  );
});

test('a consumer that is deleted by hand interrupts the pull at once, and is created again', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 2);
  const lane = createLaneSource(log.connection, SPEC);
  const { created } = await lane.ensure();
  const pulling = pull(lane, 10);
  const isWaiting = async () =>
    (await requestApi<{ num_waiting: number }>(log.connection, '$JS.API.CONSUMER.INFO.LOG.actor-default-0')).num_waiting === 1 || undefined;
  await poll(isWaiting, { deadlineMs: 20_000, what: 'the pull to wait' });
  const deletedAt = performance.now();
  await requestApi(log.connection, '$JS.API.CONSUMER.DELETE.LOG.actor-default-0', undefined, ANSWER_MS);
  const { end } = await pulling;
  assert.equal(end, 'interrupted');
  const tookMs = performance.now() - deletedAt;
  assert.ok(tookMs < patience(500), `took ${tookMs} ms`);
  assert.equal((await pull(lane, 1)).end, 'interrupted');
  assert.notEqual((await lane.ensure()).created, created);
  await requestApi(log.connection, '$JS.API.CONSUMER.DELETE.LOG.actor-default-0', undefined, ANSWER_MS);
  await lane.repoint(2);
  assert.deepEqual(seqs((await pull(lane, 1)).deliveries), [2]);
});

test('a broker that is killed interrupts the pull at once; after its return the consumer is a new one and the lane goes on', async (t) => {
  const log = await openOwnTestLog(t);
  await fill(log, 5);
  const lane = createLaneSource(log.connection, SPEC);
  const { created } = await lane.ensure();
  const pulling = pull(lane, 10);
  await log.broker.kill();
  const cut = await pulling;
  assert.equal(cut.end, 'interrupted');
  assert.ok(cut.tookMs < patience(1_000), `took ${cut.tookMs} ms`);
  const away = await pull(lane, 10, 300);
  assert.equal(away.end, 'interrupted');
  assert.ok(away.tookMs >= 290 && away.tookMs < patience(600), `took ${away.tookMs} ms`);
  const ensuring = poll(() => lane.ensure(), { deadlineMs: 60_000, what: 'the consumer' });
  await log.broker.start();
  assert.notEqual((await ensuring).created, created);
  await lane.repoint(4);
  assert.deepEqual(seqs((await pull(lane, 2)).deliveries), [4, 5]);
});

test('a broker that stands still ends a pull after its expiry, not later', async (t) => {
  const log = await openOwnTestLog(t);
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  log.broker.freeze();
  const { end, tookMs } = await pull(lane, 10, 500);
  log.broker.thaw();
  assert.equal(end, 'interrupted');
  assert.ok(tookMs >= 500 && tookMs < patience(1_200), `took ${tookMs} ms`);
});

test('acknowledged is gone, and term is announced with its reason', async (t) => {
  const log = await openTestLog(t);
  await fill(log, 3);
  const lane = createLaneSource(log.connection, SPEC);
  await lane.ensure();
  const advisory = Promise.withResolvers<{ reason: string; stream_seq: number }>();
  log.connection.nats.subscribe('$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>', {
    callback: (_error, message) => advisory.resolve(message.json()),
  });
  const [first, second, third] = (await pull(lane, 3)).deliveries;
  lane.ack(first!);
  lane.ack(third!);
  lane.term(second!, 'refused');
  assert.deepEqual({ reason: 'refused', stream_seq: 2 }, await advisory.promise.then(({ reason, stream_seq }) => ({ reason, stream_seq })));
  await poll(
    async () =>
      (await requestApi<{ num_ack_pending: number }>(log.connection, '$JS.API.CONSUMER.INFO.LOG.actor-default-0')).num_ack_pending === 0
        ? true
        : undefined,
    { deadlineMs: 30_000, what: 'all three to be settled' },
  );
});

test('one stored message is read by its address, also across a restart; what is gone is undefined', async (t) => {
  const log = await openOwnTestLog(t);
  await fill(log, 3);
  const broker = createBrokerAdapter(log.connection, log.publisher());
  assert.equal((await broker.read('LOG', 2))?.id, 'log.default.1.test:1');
  assert.equal(await broker.read('LOG', 4), undefined);
  await requestApi(log.connection, '$JS.API.STREAM.MSG.DELETE.LOG', { seq: 2, no_erase: true }, ANSWER_MS);
  assert.equal(await broker.read('LOG', 2), undefined);
  await log.broker.kill();
  const reading = poll(() => broker.read('LOG', 3), { deadlineMs: 60_000, what: 'the message' });
  await log.broker.start();
  assert.equal((await reading)?.seq, 3);
});
