import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { poll } from '../../lib/dev/poll.ts';
import { openOwnBroker, openTestAccount } from '../../lib/dev/test-bed.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { eventsStream } from '../../streams/events.ts';
import { githubHeaders, openIngestBed, post } from './ingest-bed.ts';
import { patience } from '../../lib/dev/test-scale.ts';

async function openDoor(t: TestContext, natsUrl: string) {
  const connection = await connectBroker({ url: natsUrl, name: 'ingest-test' });
  const publisher = createPublisher(connection);
  const bed = await openIngestBed(t, { broker: publisher });
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
  });
  const manager = await jetstreamManager(connection.nats);
  await manager.streams.add(
    eventsStream({ maxBytes: 64 * 1024 * 1024, replicas: 1 }) as unknown as Parameters<typeof manager.streams.add>[0],
  );
  return { bed, manager };
}

test('what a provider sent lies in the log byte for byte, once, under its identity', async (t) => {
  const { bed, manager } = await openDoor(t, await openTestAccount());
  const body = Buffer.from(
    `\uFEFF{"action":"published",\r\n\t"x":"\\u0000 ${randomBytes(2_000).toString('base64')}","repository":{"full_name":"octo/demo"}}`,
  );
  const first = await post(bed.url, body, githubHeaders(body, 'd-1'));
  const second = await post(bed.url, body, githubHeaders(body, 'd-1'));
  const other = await post(bed.url, body, githubHeaders(body, 'd-2'));
  assert.deepEqual([first.status, second.status, other.status], [202, 202, 202]);
  assert.deepEqual([first.json['duplicate'], second.json['duplicate'], other.json['duplicate']], [false, true, false]);
  assert.equal(first.json['id'], second.json['id']);
  assert.equal((await manager.streams.info('EVENTS')).state.messages, 2);
  const stored = await manager.streams.getMessage('EVENTS', { seq: 1 });
  assert.deepEqual(Buffer.from(stored?.data ?? []), body);
  assert.equal(stored?.header.get('Vis-Id'), first.json['id']);
  assert.equal(stored?.header.get('Vis-Key'), 'octo/demo');
  assert.equal(stored?.header.get('Nats-Msg-Id'), first.json['id']);
  assert.match(stored?.subject ?? '', /^events\.default\.\d+\.github\.release\.published$/);
});

test('with the broker away the answer is 503 with Retry-After within 2.5 s, and with the broker back it is 202', async (t) => {
  const broker = await openOwnBroker(t);
  const { bed } = await openDoor(t, broker.url);
  const body = '{"action":"published"}';
  assert.equal((await post(bed.url, body, githubHeaders(body, 'd-1'))).status, 202);
  for (const away of ['frozen', 'dead'] as const) {
    if (away === 'frozen') broker.freeze();
    else await broker.kill();
    const startedAt = performance.now();
    const answer = await post(bed.url, body, githubHeaders(body, 'd-2'));
    assert.ok(performance.now() - startedAt < patience(2_500), `${away}: ${performance.now() - startedAt} ms`);
    assert.deepEqual([answer.status, answer.json['code'], answer.headers.get('retry-after')], [503, 'not_accepting', '5'], away);
    if (away === 'frozen') broker.thaw();
    else await broker.start();
  }
  const isTaken = async () => (await post(bed.url, body, githubHeaders(body, 'd-3'))).status === 202 || undefined;
  await poll(isTaken, { deadlineMs: 60_000, what: 'a 202' });
});
