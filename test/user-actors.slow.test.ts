import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { HEADERS } from '../lib/core/headers.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import { createPublisher } from '../lib/jetstream/publisher.ts';
import { eventMessage } from '../sdk/event-message.ts';
import { openSystem, until } from './system-bed.ts';

/** The example of a user's own actor in a real processor, between a real log and a service of the user's own. */

/** A review service that remembers its keys, as the actor expects of it. */
async function openReviews(t: TestContext): Promise<{ url: string; keys: string[] }> {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    request.resume().on('end', () => response.end(JSON.stringify({ review: `R-${new Set(keys).size}` })));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}/reviews`, keys };
}

test('an actor of a user’s own reads its events, calls outside once, emits, and has its metrics and dead letters', async (t) => {
  const reviews = await openReviews(t);
  const env = { VISAPI_ACTORS: 'examples/actors', REVIEW_URL: reviews.url };
  const system = await openSystem(t, [], { only: ['processor'], env });
  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
  });
  const send = async (id: string, data: object, type = 'order.paid'): Promise<void> => {
    const body = Buffer.from(JSON.stringify(data));
    const time = new Date().toISOString();
    const message = eventMessage({ id, source: 'shop', ceSource: 'shop', type, key: 'c3', priority: 'default', time, hops: 0, body });
    await publisher.publish(message, AbortSignal.timeout(30_000));
  };
  const emitted = async () => {
    const found = [];
    for await (const chunk of scanLog(connection, { stream: 'EVENTS' })) found.push(...chunk.map((scanned) => scanned.toMessage()));
    return found.filter(({ headers }) => headers[HEADERS.ceType] === 'order.flagged');
  };

  await send('e1', { number: 'A-1', total: 5_000, currency: 'EUR' });
  await send('e2', { number: 'A-2' });
  await send('e3', { number: 'A-3', total: 5_000, currency: 'EUR' }, 'order.refunded');
  await send('e4', { number: 'A-4', total: 6_000, currency: 'EUR' });
  await until('two orders are flagged', async () => (await emitted()).length === 2);
  assert.deepEqual(
    (await emitted()).map(({ id, key, body }) => [id, key, (JSON.parse(Buffer.from(body).toString()) as { order: string }).order]),
    [
      ['e1/flag-large-orders/order.flagged', 'c3', 'A-1'],
      ['e4/flag-large-orders/order.flagged', 'c3', 'A-4'],
    ],
  );
  assert.equal(new Set(reviews.keys).size, 2);
  assert.equal(reviews.keys.length, 2);

  const dead = JSON.parse((await system.visapi('dead', 'list', '--json')).stdout) as { letters?: object[] } | object[];
  assert.match(JSON.stringify(dead), /flag-large-orders:e2:0.*invalid/);
  const edit = (total: unknown) =>
    system.visapi('dead', 'edit', 'flag-large-orders:e2:0', '--data', JSON.stringify({ number: 'A-2', total, currency: 'EUR' }));
  const refused = await edit('much');
  assert.deepEqual([refused.code, /total: .*got string/.test(refused.stderr)], [1, true], 'its own input judges');
  const counted = /visapi_messages_total\{[^}]*actor="flag-large-orders",priority="default",verdict="done"[^}]*\} 2/;
  await until('both are counted', async () => counted.test(await system.metrics('processor')));
  const listed = (await system.visapi('actors', 'list')).stdout;
  assert.match(
    listed,
    /flag-large-orders\s+│ examples\/actors\/flag-large-orders.ts\s+│ events order.paid\s+│ 1\s+│ processor\s+│ 0\s+│ 1/,
  );
  await until('the trace names it', async () => /handled by actor flag-large-orders/.test((await system.visapi('trace', 'e1')).stdout));
  assert.equal((await edit(7_000)).code, 0);
  await until('the edited order is flagged', async () => (await emitted()).some(({ id }) => id === 'e2/flag-large-orders/order.flagged'));
});
