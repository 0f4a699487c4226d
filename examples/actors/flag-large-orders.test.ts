import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { EffectFailed } from 'visapi';
import { describeActor, openActorTest } from 'visapi/testing';
import { createFlagLargeOrders, type OpenReview } from './flag-large-orders.ts';

const LARGE = { number: 'A-17', total: 1_200, currency: 'EUR' };

async function setUp(t: TestContext, openReview: OpenReview) {
  const bench = await openActorTest(createFlagLargeOrders({ above: 1_000, openReview }));
  t.after(() => bench.stop());
  return bench;
}

test('an order above the amount is reviewed and flagged, once', async (t) => {
  const keys: string[] = [];
  const bench = await setUp(t, (_order, { idempotencyKey }) => {
    keys.push(idempotencyKey);
    return Promise.resolve({ review: 'R-1' });
  });
  const id = await bench.event({ type: 'order.paid', key: 'customer-3', data: LARGE });
  await bench.settle();
  assert.deepEqual(bench.emitted(), [
    {
      id: `${id}/flag-large-orders/order.flagged`,
      type: 'order.flagged',
      key: 'customer-3',
      data: { order: 'A-17', total: 1_200, currency: 'EUR', review: 'R-1', event: id },
    },
  ]);
  assert.deepEqual(bench.effects(), [{ id: `${id}/review`, state: 'done', result: { review: 'R-1' } }]);
  assert.equal(keys.length, 1);
});

test('a smaller order and an event of another type are nothing to it', async (t) => {
  const bench = await setUp(t, () => assert.fail('no review was wanted'));
  await bench.event({ type: 'order.paid', data: { ...LARGE, total: 1_000 } });
  await bench.event({ type: 'order.refunded', data: LARGE });
  await bench.settle();
  assert.deepEqual(
    bench.attempts.map(({ verdict }) => verdict),
    ['done'],
  );
  assert.deepEqual(bench.emitted(), []);
});

test('a service that is away is asked again, and the customer’s next order waits behind', async (t) => {
  let isAway = true;
  const bench = await setUp(t, ({ number }) => {
    if (isAway) throw new EffectFailed('503');
    return Promise.resolve({ review: `R-${number}` });
  });
  await bench.event({ type: 'order.paid', key: 'customer-3', data: LARGE });
  await bench.event({ type: 'order.paid', key: 'customer-3', data: { ...LARGE, number: 'A-18' } });
  await bench.settle();
  assert.equal(bench.waiting().length, 2);
  isAway = false;
  await bench.advance(1_000);
  assert.deepEqual(
    bench.emitted().map(({ data }) => (data as { review: string }).review),
    ['R-A-17', 'R-A-18'],
  );
  assert.deepEqual(
    bench.attempts.map(({ verdict, attempt }) => `${verdict} ${attempt}`),
    ['retry 1', 'done 2', 'done 1'],
  );
});

test('what is no order is a dead letter that says what is wrong with it', async (t) => {
  const bench = await setUp(t, () => Promise.resolve({ review: 'R-1' }));
  await bench.event({ type: 'order.paid', data: { number: 17 } });
  await bench.event({ type: 'order.paid', body: '{' });
  await bench.settle();
  assert.deepEqual(
    bench.deadLetters().map(({ reason }) => reason),
    ['invalid', 'invalid'],
  );
});

test('killed while the review is opened, it asks once more with the same key', async (t) => {
  const keys: string[] = [];
  const asked = Promise.withResolvers<void>();
  const bench = await setUp(t, (_order, { idempotencyKey }) => {
    asked.resolve();
    // The first answer never comes.
    return keys.push(idempotencyKey) === 1 ? new Promise(() => undefined) : Promise.resolve({ review: 'R-1' });
  });
  await bench.event({ type: 'order.paid', data: LARGE });
  await asked.promise;
  await bench.crash();
  await bench.settle();
  assert.equal(new Set(keys).size, 1);
  assert.equal(keys.length, 2);
  assert.equal(bench.emitted().length, 1);
});

describeActor(createFlagLargeOrders({ above: 1_000, openReview: () => Promise.resolve({ review: 'R-1' }) }), [
  { type: 'order.paid', key: 'customer-3', data: LARGE },
  { type: 'order.paid', key: 'customer-4', data: { ...LARGE, total: 10 } },
  { type: 'order.paid', key: 'customer-5', data: { ...LARGE, currency: 'eur' } },
]);
