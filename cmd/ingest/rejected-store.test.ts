import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { PublishAck } from '../../lib/actor/broker-port.ts';
import type { Emit } from '../../lib/actor/message.ts';
import { AppError } from '../../lib/core/app-error.ts';
import { createSeal } from '../../lib/core/seal.ts';
import { Secret } from '../../lib/core/secret.ts';
import { rejectedMetrics } from '../../lib/telemetry/door-metrics.ts';
import { createRegistry } from '../../lib/telemetry/metrics.ts';
import { createRejectedStore, REJECTED_WINDOW } from './rejected-store.ts';
import type { Refused, RejectedStoreOptions } from './rejected-store.ts';

const REFUSED: Refused = {
  source: 'github',
  reason: 'wrong_signature',
  receivedAtMs: 1_000,
  method: 'POST',
  path: '/hooks/github',
  rawHeaders: ['Content-Type', 'application/json'],
  remoteAddress: '127.0.0.1',
  body: Buffer.from('{}'),
};

/** A broker whose answers the test gives, and a store in front of it. */
function openStore(options: Partial<RejectedStoreOptions> = {}) {
  const asked: { emit: Emit; answer: PromiseWithResolvers<PublishAck> }[] = [];
  const registry = createRegistry({ program: 'test', version: '0', env: 'development' });
  const store = createRejectedStore({
    broker: {
      publish(emit, signal) {
        const answer = Promise.withResolvers<PublishAck>();
        signal.addEventListener('abort', () => answer.reject(new AppError('broker_unavailable', 'given up')));
        asked.push({ emit, answer });
        return answer.promise;
      },
    },
    seal: createSeal(new Secret(randomBytes(32).toString('base64'))),
    metrics: rejectedMetrics(registry),
    ratePerSecond: 1,
    burst: 100_000,
    ...options,
  });
  const keep = (count: number, request: Partial<Refused> = {}) => {
    for (let index = 0; index < count; index += 1) store.keep({ ...REFUSED, ...request });
  };
  const counted = async (name: string, label: string): Promise<number> => {
    const lines = (await registry.getSingleMetricAsString(name)).split('\n').filter((line) => line.includes(`="${label}"`));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  return {
    store,
    asked,
    keep,
    stored: () => counted('visapi_rejected_stored_total', 'github'),
    dropped: (cause: string) => counted('visapi_rejected_dropped_total', cause),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('four are under way at once, in the order of receipt, and each that is confirmed makes room for the next', async () => {
  const { store, asked, keep, stored } = openStore();
  keep(6);
  assert.equal(asked.length, REJECTED_WINDOW);
  assert.equal(store.held, 6);
  asked[1]?.answer.resolve({ seq: 1, duplicate: false });
  await settled();
  assert.equal(asked.length, 5);
  for (const { answer } of asked) answer.resolve({ seq: 2, duplicate: false });
  await settled();
  asked[5]?.answer.resolve({ seq: 6, duplicate: false });
  await settled();
  assert.equal(store.held, 0);
  assert.equal(await stored(), 6);
  assert.deepEqual(
    asked.map(({ emit }) => emit.headers['Vis-Rejected-Number']),
    ['1', '2', '3', '4', '5', '6'],
  );
  assert.equal(asked[0]?.emit.subject, 'rejected.github.wrong_signature');
});

test('many that wait go as one group, and the next group when that one is through', async () => {
  const { store, asked, keep, stored } = openStore();
  keep(1_000);
  assert.equal(asked.length, REJECTED_WINDOW);
  for (const expected of [254, 504, 754, 1_000]) {
    for (const { answer } of asked.slice(0, -1)) answer.resolve({ seq: 1, duplicate: false });
    await settled();
    const before = asked.length;
    asked.at(-1)?.answer.resolve({ seq: 1, duplicate: false });
    await settled();
    assert.ok(before < expected);
    assert.equal(asked.length, expected);
  }
  for (const { answer } of asked) answer.resolve({ seq: 1, duplicate: false });
  await settled();
  assert.equal(store.held, 0);
  assert.equal(await stored(), 1_000);
});

test('a source that has used up its rate is dropped and counted, and costs no other source anything', async () => {
  const { store, keep, dropped } = openStore({ burst: 10, ratePerSecond: 0.001 });
  keep(25);
  keep(5, { source: 'stripe' });
  assert.equal(store.held, 15);
  assert.equal(await dropped('rate'), 15);
  await store.stop(0);
});

test('a source that has used up its share of the place is dropped and counted, and others keep theirs', async () => {
  const { store, keep, dropped } = openStore({ sourceBytesPerDay: 1_000_000 });
  keep(20, { body: Buffer.alloc(100_000) });
  keep(3, { source: 'stripe', body: Buffer.alloc(100_000) });
  assert.equal(store.held, 12);
  assert.equal(await dropped('share'), 11);
  await store.stop(0);
});

test('a broker that is away costs a bounded number of requests and bytes, and what is over is dropped and counted', async () => {
  const { store, keep, dropped } = openStore();
  keep(2_500);
  assert.equal(store.held, 2_000);
  assert.equal(await dropped('full'), 500);
  await store.stop(0);
  assert.equal(await dropped('stopped'), 2_000);

  const large = openStore();
  large.keep(50, { body: Buffer.alloc(1024 * 1024) });
  assert.ok(large.store.held < 16, `${large.store.held} bodies of 1 MiB`);
  await large.store.stop(0);
});

test('what the broker never takes is dropped with its cause, and the next one is tried', async () => {
  const { store, asked, keep, dropped } = openStore();
  keep(6);
  asked[0]?.answer.reject(new AppError('too_large', 'no'));
  asked[1]?.answer.reject(new AppError('broker_refused', 'no'));
  await settled();
  assert.equal(asked.length, 6);
  assert.deepEqual([await dropped('too_large'), await dropped('refused')], [1, 1]);
  await store.stop(0);
});

test('a broker that was never there is asked again until the time is up', async () => {
  let asked = 0;
  const { store, keep, dropped } = openStore({
    giveUpAfterMs: 600,
    broker: {
      publish() {
        asked += 1;
        return Promise.reject(new AppError('broker_unavailable', 'not reached yet'));
      },
    },
  });
  keep(1);
  while (store.held > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(asked >= 2 && asked <= 4, `asked ${asked} times`);
  assert.equal(await dropped('unavailable'), 1);
});

test('a stop waits for what is under way, and only as long as it is told', async () => {
  const { store, asked, keep, stored, dropped } = openStore();
  keep(2);
  const stopping = store.stop(10_000);
  keep(1);
  for (const { answer } of asked) answer.resolve({ seq: 1, duplicate: false });
  await stopping;
  assert.equal(await stored(), 2);
  assert.equal(await dropped('stopped'), 1);
  await store.stop(0);
});
