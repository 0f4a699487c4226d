import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createEventMessage } from '../cmd/ingest/event-message.ts';
import { eventId } from '../lib/core/identity.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { createPublisher } from '../lib/jetstream/publisher.ts';
import { compare, FAILING, p99OfOthers, RATIO_BELOW, textsOf } from './other-keys.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { openSystem, until, type SystemBed } from './system-bed.ts';

/** Events behind the failing head. They run one after the other, some 10 ms each, so this takes two to three minutes. */
const BACKLOG = 5_000;

/** Puts the failing key's events into the log as ingest does, without the door: one key's requests would wait for each other. */
async function fillLog(t: TestContext, system: SystemBed): Promise<void> {
  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
  });
  const toMessage = createEventMessage();
  const event = (number: number) =>
    toMessage({
      id: eventId('github', `backlog-${number}`),
      source: 'github',
      key: FAILING,
      type: 'release.published',
      priority: 'default',
      providerId: `backlog-${number}`,
      receivedAt: new Date().toISOString(),
      time: undefined,
      traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-00`,
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify({ release: { tag_name: String(number) }, repository: { full_name: FAILING } })),
    });
  await Promise.all(
    Array.from({ length: BACKLOG }, async (_, number) => await publisher.publish(event(number), AbortSignal.timeout(60_000))),
  );
}

async function count(system: SystemBed, text: string): Promise<number> {
  return Number((await system.database.query<{ count: string }>({ text: `select count(*) as count from ${text}` }))[0]!.count);
}

test(`${BACKLOG} messages behind a failing one slow no other key of their lane down, and then run in order`, async (t) => {
  // Two systems, so that runs without and with the fault can take turns.
  const open = async () => await openSystem(t, [releaseWorkflow('key', 'repeat')], { env: { SLACK_ATTEMPTS: '1000' } });
  const [system, behind] = await Promise.all([open(), open()]);
  await Promise.all([p99OfOthers(system, 'warm'), p99OfOthers(behind, 'warm')]);
  const begun = performance.now();
  const tell = (what: string) => t.diagnostic(`${what} after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);

  // It fails once a second until it is told otherwise.
  await behind.behave({ match: { textIncludes: `${FAILING} 0` }, times: 1_000_000, answer: { status: 500, retryAfter: 1 } });
  await fillLog(t, behind);
  tell('in the log');
  const waiting = async () => await count(behind, `parked where actor = 'slack'`);
  await until('all of them wait', async () => (await waiting()) === BACKLOG, 90_000);
  tell('all wait');
  let round = 0;
  const { ratio, told } = await compare(
    async () => await p99OfOthers(system, `without-${round}`),
    async () => await p99OfOthers(behind, `behind-${round++}`),
  );
  t.diagnostic(told);
  assert.equal(await waiting(), BACKLOG, 'the head still failed');
  tell('compared');

  await behind.behaveWell();
  await until('all runs are done', async () => (await count(behind, `runs where status <> 'done'`)) === 0, 120_000);
  tell('all done');
  assert.deepEqual(
    await textsOf(behind, FAILING),
    Array.from({ length: BACKLOG }, (_, number) => `${FAILING} ${number}`),
  );
  assert.ok(ratio < RATIO_BELOW, told);
});
