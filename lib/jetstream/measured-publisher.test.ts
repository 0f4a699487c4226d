import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { PublishAck } from '../actor/broker-port.ts';
import type { Emit } from '../actor/message.ts';
import { AppError } from '../core/app-error.ts';
import { publisherMetrics } from '../telemetry/metrics.ts';
import { measurePublisher } from './measured-publisher.ts';

test('every publish is counted by its outcome, and what is under way is shown', async () => {
  const registry = new Registry();
  const waiting: { resolve: (ack: PublishAck) => void; reject: (error: Error) => void }[] = [];
  const publisher = measurePublisher(
    {
      publish: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
      flush: () => Promise.resolve(true),
      stop: () => Promise.resolve(),
      unsettled: 0,
    },
    publisherMetrics(registry),
  );
  const emit: Emit = { id: 'a', key: 'k', subject: 'events.default.1.github.push', headers: {}, body: new Uint8Array() };
  const { signal } = new AbortController();
  const all = ['stored', 'duplicate', 'refused'].map(() => publisher.publish(emit, signal));
  assert.match(await registry.metrics(), /visapi_publish_unconfirmed 3/);
  waiting[0]?.resolve({ seq: 1, duplicate: false });
  waiting[1]?.resolve({ seq: 1, duplicate: true });
  waiting[2]?.reject(new AppError('broker_refused', 'no'));
  assert.deepEqual(
    (await Promise.allSettled(all)).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  const text = await registry.metrics();
  for (const outcome of ['stored', 'duplicate', 'broker_refused'])
    assert.match(text, new RegExp(`visapi_published_total\\{stream="events",outcome="${outcome}"\\} 1`));
  assert.match(text, /visapi_publish_unconfirmed 0/);
  assert.match(text, /visapi_publish_duration_seconds_count\{stream="events"\} 2/);
});
