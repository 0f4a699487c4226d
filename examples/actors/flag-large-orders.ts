/**
 * Flags paid orders above an amount: opens a review at a service of one's own, and tells it to everybody by an event that a
 * workflow can turn into a message. A customer's orders stay in order, because they have the customer as their key.
 *
 *     VISAPI_ACTORS=examples/actors REVIEW_URL=http://127.0.0.1:8080/reviews npm start
 */
import { defineActor, done, EffectFailed, type EffectRun, emitEvent, eventOf, exponential, jsonInput, reject } from 'visapi';
import { z } from 'zod';

const Order = z.object({ number: z.string().min(1), total: z.number().nonnegative(), currency: z.string().length(3) });

type Order = z.infer<typeof Order>;

/** Opens a review and gives its id. Throws `EffectFailed` where it certainly did not happen. */
export type OpenReview = (order: Order, run: EffectRun) => Promise<{ readonly review: string }>;

/** `above`: in the order's own currency. An order of exactly so much is not flagged. */
export function createFlagLargeOrders({ above, openReview }: { readonly above: number; readonly openReview: OpenReview }) {
  return defineActor<Order>({
    name: 'flag-large-orders',
    types: ['order.paid'],
    partitions: 1,
    input: jsonInput(Order),
    retry: exponential({ attempts: 8, baseMs: 1_000, maxMs: 60_000 }),
    timeoutMs: 10_000,
    async receive(order, context) {
      if (order.total <= above) return done();
      if (order.currency !== order.currency.toUpperCase()) return reject('invalid', `expected a currency like EUR, got ${order.currency}`);
      // The service knows the idempotency key, so asking once more is safe where nobody knows whether it has heard us.
      const { review } = await context.effect('review', (run) => openReview(order, run), { onUnknown: 'repeat' });
      const { id } = eventOf(context.message);
      emitEvent(context, {
        type: 'order.flagged',
        data: { order: order.number, total: order.total, currency: order.currency, review, event: id },
      });
      return done();
    },
  });
}

/** Posts the order to the service, which answers with the review's id as JSON. */
function reviewAt(url: string): OpenReview {
  return async (order, { idempotencyKey, signal }) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(order), signal }).catch((error: unknown) => {
      // Nobody listens there, so nobody has heard it. Any other error says nothing about that.
      if (error instanceof TypeError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ECONNREFUSED')
        throw new EffectFailed(`nobody listens at ${url}`, { cause: error });
      throw error;
    });
    if (!response.ok) throw new EffectFailed(`the review service answered ${response.status}`);
    return z.object({ review: z.string() }).parse(await response.json());
  };
}

export const flagLargeOrders = createFlagLargeOrders({
  above: Number(process.env['FLAG_ORDERS_ABOVE'] ?? '1000'),
  openReview: reviewAt(process.env['REVIEW_URL'] ?? 'http://127.0.0.1:8080/reviews'),
});
