import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { headers as createHeaders } from '@nats-io/transport-node';
import { Registry } from 'prom-client';

import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import type { Emit, Message } from '../../lib/actor/message.ts';
import { done, reject } from '../../lib/actor/verdict.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { failureId, resultId, runId } from '../../lib/core/identity.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { poll } from '../../lib/dev/poll.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { type BrokerConnection, connectBroker } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { type Database, openDatabase } from '../../lib/store/database.ts';
import { createRunReader, readRuns } from '../../lib/store/run-reader.ts';
import { createTraceReader } from '../../lib/store/trace.ts';
import { applyWorkflow } from '../../lib/store/workflows.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { MAX_HOPS } from '../../lib/workflow/emitted-event.ts';
import type { RunState } from '../../lib/workflow/turn.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { SLACK_LANES } from '../../streams/actors.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { commandSubject, eventSubject } from '../../streams/subjects.ts';
import { createWorkflowActor } from './workflow-actor.ts';

/** The workflow actor on a real broker and a real database, with an actor that stands for Slack. */
const log = createLog({ program: 'test', env: 'development', version: '0', level: 'silent' });

const document = (second: string) => ({
  name: 'w',
  on: { event: 'order.paid', if: 'event.data.total > 0' },
  steps: [
    { id: 'first', uses: 'slack.send', with: { channel: '#a', text: 'order {{ event.data.number }}' } },
    { id: 'second', uses: 'slack.send', with: { channel: '#a', text: second } },
  ],
});

interface Bed {
  readonly connection: BrokerConnection;
  readonly database: Database;
  /** Texts that reached Slack. */
  readonly sent: string[];
  readonly start: () => { readonly stop: (drainMs: number) => Promise<void>; readonly publish: (emit: Emit) => Promise<void> };
}

/** `keptMs`: how long the log keeps what is in it. */
async function setUp(t: TestContext, { keptMs }: { keptMs?: number } = {}): Promise<Bed> {
  const { natsUrl, databaseUrl } = await openTestBed(t);
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  const database = await openDatabase({ url: databaseUrl, applicationName: 'test', allowUnsafe: true });
  // In nanoseconds; the broker remembers no id for longer than it keeps messages.
  const kept = keptMs === undefined ? {} : { max_age: keptMs * 1e6, duplicate_window: keptMs * 1e6 };
  for (const stream of logStreams({ totalBytes: 256 * 1024 * 1024 }))
    await requestApi(connection, `$JS.API.STREAM.CREATE.${stream.name}`, { ...stream, ...kept }, 30_000);
  const sent: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of stops) await stop();
    await Promise.all([connection.close(), database.close()]);
  });
  return {
    connection,
    database,
    sent,
    start() {
      const readMessage = (stream: string, seq: number) => readStored(connection, stream, seq);
      const actors = [createWorkflowActor({ reader: createRunReader(database), readMessage, clock: systemClock, log }), slackStandIn(sent)];
      const host = startActorHost({
        instance: 'test',
        actors,
        connection,
        database,
        log,
        registry: new Registry(),
        lanesOf: lanesOfActor,
        subjects: DEAD_LETTER_SUBJECTS,
        timing: { checkMs: 50 },
      });
      stops.push(() => host.stop(500));
      return {
        stop: (drainMs) => host.stop(drainMs),
        publish: async (emit) => void (await host.publisher.publish(emit, AbortSignal.timeout(30_000))),
      };
    },
  };
}

function slackStandIn(sent: string[]): ActorDefinition<{ text: string }> {
  return defineActor<{ text: string }>({
    ...SLACK_LANES,
    start: 'beginning',
    input: (message) => JSON.parse(Buffer.from(message.body).toString()) as { text: string },
    retry: { attempts: 1, delayMs: () => 0 },
    timeoutMs: 5_000,
    receive(input, context) {
      const { message } = context;
      if (input.text.includes('broken')) return Promise.resolve(reject('refused', 'invalid_blocks', { answer: 'no' }));
      sent.push(input.text);
      context.emit(result(message, resultId(message.id), 'step.succeeded', { command: message.id, output: { ts: String(sent.length) } }));
      return Promise.resolve(done());
    },
    onDead: (message, { id, reason, because, detail }) => [
      result(message, failureId(message.id, message.round), 'step.failed', {
        command: message.id,
        reason,
        because,
        detail,
        deadLetter: id,
      }),
    ],
  });
}

function result({ key, priority, headers }: Message, id: string, type: string, body: object): Emit {
  return step(id, key, priority, headers[HEADERS.run] ?? '', headers[HEADERS.step] ?? '', type, body);
}

function step(id: string, key: string, priority: Message['priority'], run: string, path: string, type: string, body: object): Emit {
  const subject = commandSubject({ priority, slot: slotOf(key), actor: 'workflow' });
  return {
    id,
    key,
    subject,
    headers: { [HEADERS.run]: run, [HEADERS.step]: path, [HEADERS.ceType]: type },
    body: Buffer.from(JSON.stringify(body)),
  };
}

function event(id: string, body: string, type = 'order.paid'): Emit {
  const subject = eventSubject({ priority: 'default', slot: slotOf('A-17'), source: 'shop', type });
  return {
    id,
    key: 'A-17',
    subject,
    headers: { [HEADERS.ceType]: type, [HEADERS.received]: new Date().toISOString() },
    body: Buffer.from(body),
  };
}

/** As a copy that came later than the broker remembers ids: stored again, with the same identity. */
async function publishBehindTheWindow(connection: BrokerConnection, { id, key, subject, headers, body }: Emit): Promise<void> {
  const wire = createHeaders();
  for (const [name, value] of Object.entries({ ...headers, [HEADERS.id]: id, [HEADERS.key]: key })) wire.set(name, value);
  await connection.nats.request(subject, body, { headers: wire, timeout: 30_000 });
}

function runWhen(database: Database, eventId: string, isThere: (state: RunState) => boolean): Promise<RunState> {
  const id = runId('w', eventId);
  const probe = async () => [(await readRuns(database, [id])).get(id)].find((state) => state !== undefined && isThere(state));
  return poll(probe, { deadlineMs: 30_000, what: `the run of ${eventId}` });
}

async function rowWhen(database: Database, text: string, id: string): Promise<unknown> {
  return poll(async () => (await database.query<{ value: string }>({ text, values: [id] }))[0]?.value, {
    deadlineMs: 30_000,
    what: `a row of ${id}`,
  });
}

test('an event becomes a run whose steps are done one after the other, and its duplicate becomes nothing', async (t) => {
  const { connection, database, sent, start } = await setUp(t);
  await applyWorkflow(database, { name: 'w', document: document('then {{ steps.first.output.ts }} of {{ event.key }}'), who: 'test' });
  const { publish } = start();
  await publish(event('e1', '{"number":17,"total":5}'));
  const { run, steps } = await runWhen(database, 'e1', (state) => state.run.status === 'done');
  assert.deepEqual(sent, ['order 17', 'then 1 of A-17']);
  assert.deepEqual([run.version, run.eventStream, run.eventSeq, run.key, run.error], [1, 'EVENTS', 1, 'A-17', null]);
  assert.deepEqual(
    steps.map(({ path, status, output }) => [path, status, output]),
    [
      ['first', 'done', { ts: '1' }],
      ['second', 'done', { ts: '2' }],
    ],
  );
  await publishBehindTheWindow(connection, event('e1', '{"number":17,"total":5}'));
  assert.equal(await rowWhen(database, 'select reason as value from outcomes where message_id = $1', 'e1'), `duplicate: ${run.id}`);
  await publish(event('e2', '{"number":18,"total":0}'));
  await publish(event('e3', 'no json'));
  await publish(event('e4', 'no json', 'order.seen'));
  assert.equal(await rowWhen(database, 'select reason as value from outcomes where message_id = $1', 'e2'), 'no condition holds: w');
  assert.equal(await rowWhen(database, 'select reason as value from dead_letters where message_id = $1', 'e3'), 'invalid');
  assert.equal(await rowWhen(database, 'select fate as value from events where id = $1', 'e4'), 'unrouted');
  assert.equal(sent.length, 2);
});

test('a run that failed goes on with the mended version, and no step that was done is repeated', async (t) => {
  const { database, sent, start } = await setUp(t);
  await applyWorkflow(database, { name: 'w', document: document('broken'), who: 'test' });
  const { publish } = start();
  await publish(event('e1', '{"number":17,"total":5}'));
  const failed = await runWhen(database, 'e1', (state) => state.run.status === 'failed');
  assert.deepEqual(failed.run.error, { reason: 'refused', because: 'invalid_blocks' });
  assert.deepEqual([failed.steps[1]?.deadLetterId, failed.steps[1]?.error?.detail], [`slack:${failed.run.id}/second:0`, { answer: 'no' }]);

  const { version } = await applyWorkflow(database, { name: 'w', document: document('mended {{ steps.first.output.ts }}'), who: 'test' });
  const retry = { step: 'second', generation: 'g1', workflow: 'w', version, deadLetter: null };
  await publish(step(`${failed.run.id}/second/retry#g1`, 'A-17', 'default', failed.run.id, 'second', 'step.retry', retry));
  const { run, steps } = await runWhen(database, 'e1', (state) => state.run.status === 'done');
  assert.deepEqual(sent, ['order 17', 'mended 1']);
  assert.deepEqual(
    [run.version, steps.map((each) => [each.path, each.version, each.generation])],
    [
      2,
      [
        ['first', 1, ''],
        ['second', 2, 'g1'],
      ],
    ],
  );
});

test('a run goes on where it stood after its process has stopped, with the events that came meanwhile behind it', async (t) => {
  const { database, sent, start } = await setUp(t);
  await applyWorkflow(database, { name: 'w', document: document('end of {{ event.data.number }}'), who: 'test' });
  const first = start();
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  for (const number of numbers) await first.publish(event(`e${number}`, `{"number":${number},"total":1}`));
  await poll(() => (sent.length > 3 ? true : undefined), { deadlineMs: 30_000, what: 'the first messages' });
  await first.stop(0);
  start();
  for (const number of numbers) await runWhen(database, `e${number}`, (state) => state.run.status === 'done');
  assert.deepEqual(
    sent.filter((text) => text.startsWith('order')),
    numbers.map((number) => `order ${number}`),
  );
  assert.equal(new Set(sent).size, 40);
});

test('an emitted event opens the runs that want it, once, and a circle of events ends', async (t) => {
  const { database, sent, start } = await setUp(t);
  const emit = { id: 'tell', uses: 'emit', with: { type: 'order.told', key: 'told', data: { number: '{{ event.data.number }}' } } };
  const emitting = {
    name: 'w',
    on: { event: 'order.paid' },
    steps: [{ id: 'route', uses: 'branch', branches: [{ if: 'true', steps: [emit] }] }],
  };
  const circling = { id: 'again', uses: 'emit', with: { type: 'order.told', data: { number: '{{ event.data.number }}' } } };
  const hearing = {
    id: 'hear',
    uses: 'slack.send',
    with: { channel: '#a', text: '{{ event.source }} {{ event.key }} {{ event.data.number }}' },
  };
  await applyWorkflow(database, { name: 'w', document: emitting, who: 'test' });
  await applyWorkflow(database, {
    name: 'x',
    document: { name: 'x', on: { event: 'order.told' }, steps: [hearing, circling] },
    who: 'test',
  });
  const { publish } = start();
  await publish(event('e1', '{"number":17}'));
  const { run, steps } = await runWhen(database, 'e1', (state) => state.run.status === 'done');
  assert.deepEqual(steps.at(-1)?.output, { id: `${run.id}/route.0.tell`, type: 'order.told', key: 'told' });
  const text = `select status as value from runs where workflow = 'x' and status = 'failed' and $1 <> ''`;
  assert.equal(await rowWhen(database, text, 'failed'), 'failed');
  assert.deepEqual(
    sent,
    Array.from({ length: MAX_HOPS }, () => 'workflow told 17'),
  );
  const [events] = await database.query<{ count: number }>({ text: 'select count(*) as count from events' });
  assert.equal(Number(events?.count), 1 + MAX_HOPS);
});

test('a delay goes on when the log has forgotten its event, and also after a crash, once', async (t) => {
  const { connection, database, sent, start } = await setUp(t, { keptMs: 5_000 });
  const steps = [
    { id: 'before', uses: 'slack.send', with: { channel: '#a', text: 'before {{ event.data.number }}' } },
    { id: 'pause', uses: 'delay', with: { for: '6s' } },
    { id: 'after', uses: 'slack.send', with: { channel: '#a', text: 'after {{ event.data.number }} {{ steps.pause.output.until }}' } },
    { id: 'last', uses: 'slack.send', with: { channel: '#a', text: 'last {{ event.data.number }}' } },
  ];
  await applyWorkflow(database, { name: 'w', document: { name: 'w', on: { event: 'order.paid' }, steps }, who: 'test' });
  const first = start();
  await first.publish(event('e1', '{"number":17}'));
  const isPaused = ({ steps: reached }: RunState): boolean => reached.some(({ path, dueAt }) => path === 'pause' && dueAt !== null);
  const paused = await runWhen(database, 'e1', isPaused);
  const { dueAt, startedAt } = paused.steps[1]!;
  assert.equal(Date.parse(dueAt!) - Date.parse(startedAt), 6_000);
  const trace = await createTraceReader(database).byId('e1');
  assert.deepEqual(trace?.fate, { kind: 'waiting', details: [`step pause: waits until ${dueAt}`] });
  await first.stop(0);
  await poll(async () => ((await readStored(connection, 'EVENTS', 1)) === undefined ? true : undefined), {
    deadlineMs: 30_000,
    what: 'the log has forgotten the event',
  });
  start();
  const { run } = await runWhen(database, 'e1', (state) => state.run.status === 'done');
  assert.ok(run.endedAt! >= dueAt!, `ended at ${run.endedAt}`);
  assert.deepEqual(sent, ['before 17', `after 17 ${dueAt}`, 'last 17']);
  const [left] = await database.query<{ count: number }>({
    text: 'select (select count(*) from kept_events) + (select count(*) from timers) as count',
  });
  assert.equal(Number(left?.count), 0);
});

test('a run that began with version 1 ends with version 1 after version 2 is saved, and the next one begins with it', async (t) => {
  const { database, sent, start } = await setUp(t);
  const version = (text: string) => ({
    name: 'w',
    on: { event: 'order.paid' },
    steps: [
      { id: 'pause', uses: 'delay', with: { for: '1s' } },
      { id: 'tell', uses: 'slack.send', with: { channel: '#a', text } },
    ],
  });
  await applyWorkflow(database, { name: 'w', document: version('one'), who: 'test' });
  const { publish } = start();
  await publish(event('e1', '{}'));
  await runWhen(database, 'e1', ({ run }) => run.status === 'running');
  assert.equal((await applyWorkflow(database, { name: 'w', document: version('two'), who: 'test' })).version, 2);
  const first = await runWhen(database, 'e1', ({ run }) => run.status === 'done');
  await publish(event('e2', '{}'));
  const second = await runWhen(database, 'e2', ({ run }) => run.status === 'done');
  assert.deepEqual([first.run.version, first.steps.map((each) => each.version), second.run.version], [1, [1, 1], 2]);
  assert.deepEqual(sent, ['one', 'two']);
});

test('a cancelled run keeps no timer and no event, and its trace says so', async (t) => {
  const { database, sent, start } = await setUp(t);
  const steps = [
    { id: 'pause', uses: 'delay', with: { for: '1d' } },
    { id: 'tell', uses: 'slack.send', with: { channel: '#a', text: 'x' } },
  ];
  await applyWorkflow(database, { name: 'w', document: { name: 'w', on: { event: 'order.paid' }, steps }, who: 'test' });
  const { publish } = start();
  await publish(event('e1', '{}'));
  const { run } = await runWhen(database, 'e1', (state) => state.run.status === 'running');
  const kept = 'select (select count(*) from kept_events) + (select count(*) from timers) as count';
  assert.equal(Number((await database.query<{ count: number }>({ text: kept }))[0]?.count), 2);
  await publish(step(`${run.id}/cancel`, 'A-17', 'default', run.id, '', 'run.cancel', {}));
  const cancelled = await runWhen(database, 'e1', (state) => state.run.status === 'cancelled');
  assert.deepEqual(
    cancelled.steps.map(({ path, status, reason }) => [path, status, reason]),
    [['pause', 'cancelled', 'its run was cancelled']],
  );
  assert.equal(Number((await database.query<{ count: number }>({ text: kept }))[0]?.count), 0);
  assert.deepEqual((await createTraceReader(database).byId('e1'))?.fate, { kind: 'cancelled', details: [`run ${run.id} of w`] });
  assert.deepEqual(sent, []);
});
