/**
 * Alerts when a customer's payments fail three times in a row: counts them in the state of the customer's key, which is settled with
 * each event, so that none is counted twice, and none is forgotten. A payment that succeeds ends the count.
 *
 *     VISAPI_ACTORS=examples/actors npm start
 *     npx visapi actor state alert-failed-payments customer-3
 */
import { defineActor, done, emitEvent, eventOf, exponential, jsonInput } from 'visapi';
import { z } from 'zod';

/** Version 1 had only the number. */
const Failures = z.object({ count: z.number().int(), since: z.iso.datetime({ offset: true }).nullable() });

/** After so many in a row somebody should look; each further one says nothing new. */
const ALERT_AT = 3;

export const alertFailedPayments = defineActor({
  name: 'alert-failed-payments',
  types: ['payment.failed', 'payment.succeeded'],
  partitions: 1,
  input: jsonInput(z.object({ payment: z.string().min(1), reason: z.string().optional() })),
  retry: exponential({ attempts: 8, baseMs: 1_000, maxMs: 60_000 }),
  timeoutMs: 10_000,
  state: {
    version: 2,
    schema: Failures,
    initial: { count: 0, since: null },
    migrate: { 1: (count) => ({ count, since: null }) },
  },
  async receive({ payment, reason = 'unknown' }, context) {
    const event = eventOf(context.message);
    if (event.type === 'payment.succeeded') return done({ state: null });
    const count = context.state.count + 1;
    const since = context.state.since ?? event.time;
    if (count === ALERT_AT) emitEvent(context, { type: 'payments.failing', data: { customer: event.key, count, since, payment, reason } });
    return done({ state: { count, since } });
  },
});
