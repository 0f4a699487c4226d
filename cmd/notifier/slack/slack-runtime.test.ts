import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ActorDefinition } from '../../../lib/actor/define-actor.ts';
import { ActorRuntime } from '../../../lib/actor/runtime.ts';
import { createCuttable } from '../../../lib/actor/simulation/cuttable.ts';
import { silentLog, silentObserver } from '../../../lib/actor/simulation/silence.ts';
import { SimulatedBroker } from '../../../lib/actor/simulation/simulated-broker.ts';
import { SimulatedRecord } from '../../../lib/actor/simulation/simulated-record.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { HEADERS } from '../../../lib/core/headers.ts';
import { slotOf } from '../../../lib/core/slot.ts';
import { createEgress } from '../../../lib/egress/egress.ts';
import { startSink } from '../../../lib/sink/sink.ts';
import { demoSlackChannels } from '../../../lib/sink/workspace.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../../streams/actor-lanes.ts';
import { commandSubject } from '../../../streams/subjects.ts';
import { parseSlackChannels } from './channels.ts';
import { createSlackActor } from './slack-actor.ts';
import { seededRandom } from '../../../lib/core/seeded-random.ts';
import { poll } from '../../../lib/dev/poll.ts';
import { testSeed } from '../../../lib/dev/test-seed.ts';

/** The actor in the runtime, with simulated broker and record, a real way out and a real peer. */
async function setUp(t: TestContext, now: () => number = Date.now) {
  const sink = await startSink({ port: 0 });
  const egress = createEgress({ rules: { allow: [sink.url], ports: [] } });
  t.after(async () => {
    await egress.close();
    await sink.stop();
  });
  const broker = new SimulatedBroker(
    systemClock,
    (subject) => ({ commands: 'COMMANDS', dead: 'DEAD_LETTERS' })[subject.split('.')[0] ?? ''] ?? 'ADVISORIES',
  );
  const record = new SimulatedRecord(systemClock);
  const slack = createSlackActor({ egress, channels: parseSlackChannels(demoSlackChannels(sink.url)), apiUrl: `${sink.url}/api`, now });
  // Retries at the pace of a test.
  const actor = { ...slack, retry: { attempts: 8, delayMs: () => 30 } } as ActorDefinition;
  let lives = 0;

  return {
    record,
    start() {
      const ports = createCuttable(broker, record, systemClock);
      const runtime = new ActorRuntime({
        ...ports,
        owner: 'notifier',
        nonce: String(lives++),
        actors: [actor],
        lanesOf: lanesOfActor,
        subjects: DEAD_LETTER_SUBJECTS,
        random: seededRandom(testSeed + lives),
        log: silentLog,
        observer: silentObserver,
        timing: { checkMs: 20 },
      });
      runtime.start();
      let isKilled = false;
      t.after(() => (isKilled ? undefined : runtime.stop(100)));
      return {
        kill() {
          isKilled = true;
          ports.cut();
        },
      };
    },
    send: (id: string, key: string, body: object) =>
      broker.publish(
        {
          id,
          key,
          subject: commandSubject({ priority: 'default', slot: slotOf(key), actor: 'slack' }),
          headers: { [HEADERS.run]: id.split('/')[0] ?? '', [HEADERS.step]: 'notify' },
          body: Buffer.from(JSON.stringify({ channel: '#releases', ...body })),
        },
        new AbortController().signal,
      ),
    results: () =>
      broker
        .messages('COMMANDS')
        .filter(({ subject }) => subject.endsWith('.workflow'))
        .map((message) => ({
          id: message.id,
          type: message.headers[HEADERS.ceType],
          body: JSON.parse(Buffer.from(message.body).toString()) as Record<string, unknown>,
        })),
    behave: (behaviour: object) => fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) }),
    get: async (path: string) => (await (await fetch(sink.url + path)).json()) as { text: string; idempotencyKey: string }[],
  };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  await poll(async () => (await condition()) || undefined, { deadlineMs: 60_000, what, everyMs: 10 });
}

test('a key whose head fails five times is sent once and in order, while the other keys go on', async (t) => {
  const { start, send, behave, get, results } = await setUp(t);
  await behave({ match: { textIncludes: 'A1' }, times: 5, answer: { status: 500 } });
  for (const text of ['A1', 'A2', 'B1', 'A3', 'C1']) await send(`${text}/notify`, text[0] ?? '', { text });
  start();
  await until('all runs are told', () => results().length === 5);
  const texts = (await get('/messages')).map(({ text }) => text);
  assert.deepEqual(
    texts.filter((text) => text.startsWith('A')),
    ['A1', 'A2', 'A3'],
  );
  assert.equal(texts.length, 5);
  assert.ok(texts.indexOf('B1') < texts.indexOf('A1') && texts.indexOf('C1') < texts.indexOf('A1'), texts.join());
  assert.equal((await get('/attempts')).filter(({ text }) => text === 'A1').length, 6);
});

test('more flow control in a row than there are attempts ends in one message, not in a dead letter', async (t) => {
  // The actor's clock is an hour behind, so what it is asked to wait for has passed already.
  const { start, send, behave, get, results, record } = await setUp(t, () => Date.now() - 3_600_000);
  await behave({ times: 12, answer: { status: 429, retryAfter: 3_600 } });
  await send('A1/notify', 'A', { text: 'A1' });
  start();
  await until('the run is told', () => results().length === 1);
  assert.equal(results()[0]?.type, 'step.succeeded');
  assert.equal((await get('/attempts')).length, 13);
  assert.equal(record.deadLetters.size, 0);
});

test('what Slack refuses becomes a dead letter with the whole answer, and its run is told', async (t) => {
  const { start, send, behave, get, results, record } = await setUp(t);
  await behave({ answer: { status: 400, body: 'invalid_blocks' } });
  await send('A1/notify', 'A', { text: 'A1' });
  await send('A2/notify', 'A', { text: 'A2' });
  start();
  await until('both runs are told', () => results().length === 2);
  const [dead] = [...record.deadLetters.values()];
  assert.ok(dead !== undefined);
  assert.equal(dead.reason, 'refused');
  assert.equal((dead.detail as { body: string }).body, 'invalid_blocks');
  const [failed, succeeded] = results();
  assert.deepEqual([failed?.id, failed?.type, failed?.body['deadLetter']], ['A1/notify/dead/0', 'step.failed', dead.id]);
  assert.deepEqual([succeeded?.id, succeeded?.type], ['A2/notify/result', 'step.succeeded']);
  assert.deepEqual(
    (await get('/messages')).map(({ text }) => text),
    ['A2'],
  );
});

test('a lost answer is repeated once under the same key, or held while its key goes on', async (t) => {
  const { start, send, behave, get, results, record } = await setUp(t);
  await behave({ match: { textIncludes: 'A' }, answer: { hangUp: 'after-read' } });
  await behave({ match: { textIncludes: 'B1' }, answer: { hangUp: 'half-answer' } });
  await send('A1/notify', 'A', { text: 'A1', onUnknown: 'repeat' });
  await send('B1/notify', 'B', { text: 'B1', onUnknown: 'hold' });
  await send('B2/notify', 'B', { text: 'B2', onUnknown: 'hold' });
  start();
  await until('A1 and B2 are told', () => results().length === 2);
  assert.equal(record.effects.get('B1/notify/send')?.state, 'held');
  assert.deepEqual(
    results()
      .map(({ id }) => id)
      .toSorted(),
    ['A1/notify/result', 'B2/notify/result'],
  );
  const messages = await get('/messages');
  assert.deepEqual(messages.map(({ text }) => text).toSorted(), ['A1', 'A1', 'B1', 'B2']);
  const keys = messages.filter(({ text }) => text === 'A1').map(({ idempotencyKey }) => idempotencyKey);
  assert.equal(keys[0], keys[1]);
});

test('a notifier that dies while Slack answers leaves it unknown to the next one', async (t) => {
  const { start, send, behave, get, results, record } = await setUp(t);
  await behave({ times: 2, answer: { delayMs: 60_000 } });
  await send('A1/notify', 'A', { text: 'A1', onUnknown: 'repeat' });
  await send('B1/notify', 'B', { text: 'B1', onUnknown: 'hold' });
  const first = start();
  await until('both have arrived', async () => (await get('/messages')).length === 2);
  first.kill();
  start();
  await until('A1 is told and B1 is held', () => results().length === 1 && record.effects.get('B1/notify/send')?.state === 'held');
  assert.deepEqual((await get('/messages')).map(({ text }) => text).toSorted(), ['A1', 'A1', 'B1']);
});
