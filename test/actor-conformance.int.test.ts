import { test } from 'node:test';
import { createFlagLargeOrders } from '../examples/actors/flag-large-orders.ts';
import { describeOneActor } from '../lib/actor/conformance/one-actor.ts';
import { actorTrial } from '../sdk/describe-actor.ts';
import { openRealBench } from './real-bench.ts';

/** The suite that the test kit offers, on a real broker and a real database: the example passes it there, too. */
const order = { number: 'A-17', total: 1_200, currency: 'EUR' };
const example = createFlagLargeOrders({ above: 1_000, openReview: () => Promise.resolve({ review: 'R-1' }) });

describeOneActor(
  (name, run) => void test(`JetStream and PostgreSQL: ${name}`, async (t) => await run(await openRealBench(t), t)),
  actorTrial(example, [
    { type: 'order.paid', key: 'customer-3', data: order },
    { type: 'order.paid', key: 'customer-4', data: { ...order, currency: 'eur' } },
  ]),
);
