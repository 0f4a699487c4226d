import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { describeActor, openActorTest, type ActorTest, type ActorTestOptions } from 'visapi/testing';
import { alertFailedPayments } from './alert-failed-payments.ts';

async function setUp(t: TestContext, options?: ActorTestOptions): Promise<ActorTest> {
  const bench = await openActorTest(alertFailedPayments, options);
  t.after(() => bench.stop());
  return bench;
}

async function fail(bench: ActorTest, key: string, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await bench.event({ type: 'payment.failed', key, data: { payment: `P-${n}`, reason: 'declined' } });
  await bench.settle();
}

test('the third failure in a row is told, and the fourth is not', async (t) => {
  const bench = await setUp(t);
  await fail(bench, 'customer-3', 2);
  await fail(bench, 'customer-4', 1);
  assert.deepEqual(bench.emitted(), []);
  await fail(bench, 'customer-3', 2);
  const since = new Date(bench.now()).toISOString();
  const data = { customer: 'customer-3', count: 3, since, payment: 'P-0', reason: 'declined' };
  assert.deepEqual(
    bench.emitted().map((event) => [event.type, event.key, event.data]),
    [['payments.failing', 'customer-3', data]],
  );
  assert.deepEqual(bench.state('customer-3'), { count: 4, since });
  assert.deepEqual(bench.state('customer-4'), { count: 1, since });
});

test('a payment that succeeds ends the count, and the next failure begins another', async (t) => {
  const bench = await setUp(t);
  await fail(bench, 'customer-3', 2);
  await bench.event({ type: 'payment.succeeded', key: 'customer-3', data: { payment: 'P-9' } });
  await bench.settle();
  assert.equal(bench.state('customer-3'), undefined);
  await fail(bench, 'customer-3', 2);
  assert.deepEqual(bench.emitted(), []);
});

test('a count is neither lost nor doubled by a kill', async (t) => {
  const bench = await setUp(t);
  await fail(bench, 'customer-3', 2);
  await bench.event({ type: 'payment.failed', key: 'customer-3', data: { payment: 'P-3' } });
  await bench.crash();
  await bench.settle();
  assert.equal((bench.state('customer-3') as { count: number }).count, 3);
  assert.equal(bench.emitted().length, 1);
});

test('what version 1 has counted counts on', async (t) => {
  const bench = await setUp(t, { states: { 'customer-3': { version: 1, state: 2 }, 'customer-4': { version: 1, state: 'two' } } });
  await fail(bench, 'customer-3', 1);
  assert.equal(bench.emitted().length, 1);
  // What is no count is left alone, and said.
  await fail(bench, 'customer-4', 1);
  assert.deepEqual(
    bench.deadLetters().map(({ reason, because }) => [reason, because]),
    [
      [
        'invalid',
        "its key's state (version 1, migrated to 2) does not fit: count: Invalid input: expected number, received string (got string)",
      ],
    ],
  );
  assert.equal(bench.state('customer-4'), 'two');
});

test('a version that this process does not know yet waits for one that does', async (t) => {
  const bench = await setUp(t, { states: { 'customer-3': { version: 3, state: {} } } });
  await fail(bench, 'customer-3', 2);
  assert.equal(bench.waiting()[0]?.because, "its key's state has version 3, and this process knows 2 at most");
  assert.equal(bench.waiting().length, 2);
  await bench.advance(60_000);
  assert.deepEqual(
    bench.waiting().map(({ attempts }) => attempts),
    [0, 0],
  );
  assert.deepEqual(bench.deadLetters(), []);
});

describeActor(alertFailedPayments, [
  { type: 'payment.failed', key: 'customer-3', data: { payment: 'P-1', reason: 'declined' } },
  { type: 'payment.failed', key: 'customer-3', data: { payment: 'P-2' } },
  { type: 'payment.succeeded', key: 'customer-4', data: { payment: 'P-3' } },
]);
