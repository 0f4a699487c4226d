import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { HEADERS } from '../../../lib/core/headers.ts';
import { eventId } from '../../../lib/core/identity.ts';
import { requestApi } from '../../../lib/jetstream/api-request.ts';
import { type BrokerConnection, connectBroker } from '../../../lib/jetstream/connection.ts';
import { readStored } from '../../../lib/jetstream/log-reader.ts';
import { createPublisher, type Publisher } from '../../../lib/jetstream/publisher.ts';
import type { DeadLetterGroup } from '../../../lib/store/dead-letter-groups.ts';
import { type DeadLetterEntry, listDeadLetters } from '../../../lib/store/dead-letters.ts';
import type { HeldEffect } from '../../../lib/store/held.ts';
import {
  AT,
  COMMAND,
  DONE_ROWS,
  EFFECT,
  EVENT,
  FAILED_ROWS,
  LATER,
  LETTER,
  openStory,
  RUN,
  STEP,
  type Story,
} from '../../../lib/store/test-story.ts';
import { applyWorkflow } from '../../../lib/store/workflows.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { deadSubject, eventSubject, STREAMS } from '../../../streams/subjects.ts';
import type { Edit } from '../dead-letter-edit.ts';
import type { Redelivery } from '../redelivery.ts';
import { createTestTool, type Ended, type TestTool } from '../test-tool.ts';

interface Scene {
  readonly story: Story;
  readonly connection: BrokerConnection;
  readonly publisher: Publisher;
  readonly visapi: TestTool['run'];
  readonly spawn: TestTool['spawn'];
  readonly env: TestTool['env'];
}

interface PrintedTrace {
  readonly event: Record<string, unknown>;
  readonly isProjected: boolean;
  readonly fate: { readonly kind: string };
}

const printed = <Value>({ stdout }: Ended): Value => JSON.parse(stdout) as Value;

async function openScene(t: TestContext): Promise<Scene> {
  const story = await openStory(t);
  const connection = await connectBroker({ url: story.natsUrl, name: 'test' });
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
  });
  for (const stream of logStreams({ totalBytes: 256 * 1024 ** 2 }))
    await requestApi(connection, `$JS.API.STREAM.CREATE.${stream.name}`, stream, 30_000);
  const { run: visapi, spawn, env } = createTestTool({ DATABASE_URL: story.database.options.url, NATS_URL: story.natsUrl });
  return { story, connection, publisher, visapi, spawn, env };
}

/** A run whose command became a dead letter, with its copy in the log. */
async function bury({ story, publisher }: Scene, body: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  await applyWorkflow(story.database, { name: 'w', document: { name: 'w', steps: [{ id: 'notify', with: { text: 'one' } }] }, who: 'ada' });
  await story.turn(EVENT, RUN, STEP);
  const headers = { [HEADERS.round]: '1', [HEADERS.deadMessage]: COMMAND, ...more };
  const copy = { id: LETTER, subject: deadSubject('slack', 'refused'), key: EVENT.key, headers, body: Buffer.from(body) };
  const { seq } = await publisher.publish(copy, AbortSignal.timeout(30_000));
  await story.die();
  await story.database.query({ text: 'update dead_letters set copy_seq = $1', values: [seq] });
  await story.turn(...FAILED_ROWS);
}

test('an event that only the log knows yet is found there, by its id and by its key', async (t) => {
  const { publisher, visapi, spawn } = await openScene(t);
  const subject = eventSubject({ priority: 'default', slot: 3, source: 'github', type: 'release.published' });
  const headers = { [HEADERS.ceType]: 'release.published', [HEADERS.received]: AT };
  for (const id of ['first', 'second'])
    await publisher.publish({ id, subject, key: 'A key', headers, body: Buffer.from('{}') }, AbortSignal.timeout(30_000));
  const [byId, byKey, short, shortJson, none] = await Promise.all([
    spawn('trace', 'first', '--json'),
    visapi('trace', 'A key', '--json'),
    visapi('trace', 'A key', '--limit', '1'),
    visapi('trace', 'A key', '--limit', '1', '--json'),
    visapi('trace', 'nobody'),
  ]);
  assert.equal(byId.code, 0);
  const { event, isProjected, fate } = printed<PrintedTrace>(byId);
  assert.deepEqual([event.id, event.seq, event.source, event.receivedAt], ['first', 1, 'github', AT]);
  assert.deepEqual([isProjected, fate.kind], [false, 'waiting']);
  assert.deepEqual(
    printed<{ traces: PrintedTrace[] }>(byKey)
      .traces.map((each) => String(each.event['id']))
      .toSorted(),
    ['first', 'second'],
  );
  assert.match(short.stdout, /\n1 of 2; --limit shows more\.\n/);
  const page = printed<{ total: number; traces: PrintedTrace[] }>(shortJson);
  assert.deepEqual([page.total, page.traces.length], [2, 1]);
  assert.deepEqual([none.code, none.stdout], [3, '']);
  assert.match(none.stderr, /no event is recorded yet, and the log does not have it either/);
});

test("an event is traced by its provider's id, recorded or only in the log, and a key's page says how much it leaves out", async (t) => {
  const { story, publisher, visapi } = await openScene(t);
  const ids = [eventId('github', 'delivery-1'), eventId('github', 'delivery-2')] as const;
  await story.turn({ ...EVENT, id: ids[0] });
  const subject = eventSubject({ priority: 'default', slot: 3, source: 'github', type: 'release.published' });
  const headers = { [HEADERS.ceType]: 'release.published', [HEADERS.received]: LATER };
  for (const id of ids) await publisher.publish({ id, subject, key: 'A', headers, body: Buffer.from('{}') }, AbortSignal.timeout(30_000));
  const [recorded, logged, page, scanned] = await Promise.all([
    visapi('trace', 'delivery-1', '--json'),
    visapi('trace', 'delivery-2', '--json'),
    visapi('trace', 'A', '--json'),
    visapi('trace', 'A', '--scan', '--limit', '1', '--json'),
  ]);
  const found = [recorded, logged].map((ended) => printed<PrintedTrace>(ended));
  assert.deepEqual(
    found.map(({ event, isProjected }) => [event['id'], isProjected]),
    [
      [ids[0], true],
      [ids[1], false],
    ],
  );
  assert.deepEqual(
    [page, scanned].map((ended) => printed<{ total: number }>(ended).total),
    [1, 2],
  );
});

test('a dead letter is shown with its whole story and its payload, and runs again when it is told to', async (t) => {
  const scene = await openScene(t);
  const { story, visapi, spawn } = scene;
  await bury(scene, '{"text": "héllo"}');
  const [list, shown, trace, dry] = await Promise.all([
    visapi('dead', 'list', '--actor', 'slack', '--since', '2026-11-01T00:00:00Z', '--json'),
    visapi('dead', 'show', LETTER),
    visapi('trace', 'event'),
    visapi('dead', 'redeliver', '--reason', 'refused', '--dry-run', '--json'),
  ]);
  assert.deepEqual(
    printed<DeadLetterEntry[]>(list).map(({ id, reason, status }) => [id, reason, status]),
    [[LETTER, 'refused', 'open']],
  );
  assert.match(shown.stdout, /refused: invalid_blocks[^]*"status": 400[^]*{"text": "héllo"}/);
  assert.match(trace.stdout, /Fate: dead-lettered[^]*received[^]*run started[^]*step notify failed/);
  assert.deepEqual(
    printed<Redelivery[]>(dry).map(({ action }) => action),
    ['message'],
  );
  assert.deepEqual(await story.store.adopt([story.slack]), [], 'a dry run does nothing');
  assert.equal((await visapi('dead', 'redeliver', LETTER)).code, 0);
  assert.deepEqual(
    (await story.store.adopt([story.slack])).map(({ stream, messageId }) => [stream, messageId]),
    [[STREAMS.deadLetters, COMMAND]],
  );
  const again = await spawn('dead', 'redeliver', LETTER);
  assert.equal(again.code, 1);
  assert.match(again.stdout, /redelivered already/);
  await story.settle({ unparked: [{ unit: story.slack, stream: STREAMS.deadLetters, seq: 1 }] });
  await story.turn(...DONE_ROWS);
  const [after, empty, narrow] = await Promise.all([
    visapi('trace', 'event'),
    visapi('dead', 'list'),
    visapi('dead', 'list', '--status', 'any', '--actor', 'nobody', '--reason', 'refused'),
  ]);
  assert.match(after.stdout, /Fate: done/);
  for (const line of [
    /attempt 1 failed at slack/,
    /dead letter .*refused: invalid_blocks/,
    /dead letter redelivered/,
    /dead letter resolved/,
  ])
    assert.match(after.stdout, line);
  assert.equal(empty.stdout, 'No open dead letters.\n');
  assert.equal(narrow.stdout, 'No dead letters of actor nobody with reason refused.\n');
});

test('dead letters are grouped, edited within the limits of their actor, and discarded with a reason', async (t) => {
  const scene = await openScene(t);
  const { story, connection, visapi } = scene;
  const body = { channel: '#gone', text: 'one', onUnknown: 'repeat' };
  await bury(scene, JSON.stringify(body), { [HEADERS.ceType]: 'slack.send', [HEADERS.contentType]: 'application/json' });
  const [group] = printed<DeadLetterGroup[]>(await visapi('dead', 'groups', '--json'));
  assert.deepEqual([group?.count, group?.example], [1, LETTER]);
  assert.match((await visapi('dead', 'groups')).stdout, new RegExp(`${group!.fingerprint}[^]*invalid_blocks`));

  const edit = (...words: string[]) => visapi('dead', 'edit', LETTER, ...words);
  const patch = (value: unknown) => JSON.stringify([{ op: 'replace', path: '/channel', value }]);
  for (const [words, problem] of [
    [['--data', '{"channel": 7, "txet": "one"}'], /does not fit its actor's input; .*channel: .*text: /s],
    [['--data', 'no JSON'], /is not JSON/],
    [['--data', '{"channel": "#a", "text": "one", "onUnknown": "perhaps"}'], /onUnknown: expected hold or repeat/],
    [['--patch', '[{"op":"test","path":"/channel","value":"#other"}]'], /operation 1: /],
    [['--patch', patch('#gone')], /nothing was changed/],
    [[], /expected --data, --patch, or an editor/],
  ] as const) {
    const refused = await edit(...words);
    assert.notEqual(refused.code, 0, words.join(' '));
    assert.match(refused.stderr, problem);
  }
  const dry = await edit('--patch', patch('#alerts'), '--dry-run');
  assert.match(dry.stdout, /Nothing is done[^]*-  "channel": "#gone"[^]*\+  "channel": "#alerts"/);
  assert.deepEqual(await story.store.adopt([story.slack]), [], 'a dry run does nothing');

  scene.env['EDITOR'] = `sed -i 's/#gone/#alerts/'`;
  const { copySeq } = printed<Edit>(await edit('--json'));
  const copies = await Promise.all([1, copySeq!].map((seq) => readStored(connection, STREAMS.deadLetters, seq)));
  const texts = copies.map((copy) => Buffer.from(copy!.body).toString());
  assert.deepEqual(
    texts.map((text) => (JSON.parse(text) as typeof body).channel),
    ['#gone', '#alerts'],
    'the original stays',
  );
  const { [HEADERS.id]: _first, ...before } = copies[0]!.headers;
  const { [HEADERS.id]: _second, ...after } = copies[1]!.headers;
  assert.deepEqual([copies[1]!.subject, copies[1]!.key, after], [copies[0]!.subject, copies[0]!.key, before]);
  assert.deepEqual(
    (await story.store.adopt([story.slack])).map(({ seq, messageId }) => [seq, messageId]),
    [[copySeq, COMMAND]],
  );
  const shown = await visapi('dead', 'show', LETTER);
  for (const line of [/attempt failed .*attempt 1: invalid_blocks/, /edited by .*the edited copy is DEAD_LETTERS 2/, /redelivered by/])
    assert.match(shown.stdout, line);
  assert.match((await edit('--patch', patch('#b'))).stderr, /it is redelivered already/);

  await story.die({ id: `slack:${COMMAND}/b:0`, messageId: `${COMMAND}/b` });
  const wrong = await visapi('dead', 'discard', '--group', group!.fingerprint);
  assert.deepEqual([wrong.code, /--reason/.test(wrong.stderr)], [2, true]);
  const discarded = await visapi('dead', 'discard', '--group', group!.fingerprint, '--reason', 'a test', '--json');
  assert.deepEqual(printed<{ discarded: string[] }>(discarded).discarded, [`slack:${COMMAND}/b:0`]);
  assert.match((await visapi('dead', 'list', '--status', 'discarded')).stdout, /discarded/);
});

test('after its step was mended, a dead letter is redelivered as a retry of the step with the newest version', async (t) => {
  const scene = await openScene(t);
  const { story, connection, visapi } = scene;
  await bury(scene, '{}');
  await applyWorkflow(story.database, { name: 'w', document: { name: 'w', steps: [{ id: 'notify', with: { text: 'two' } }] }, who: 'ada' });
  const ended = await visapi('dead', 'redeliver', '--actor', 'slack', '--json');
  const [redelivery] = printed<Redelivery[]>(ended);
  assert.deepEqual([ended.code, redelivery?.action], [0, 'step']);
  assert.match(redelivery?.detail ?? '', /version 1 and 2: it is rendered again with version 2/);
  const message = await readStored(connection, STREAMS.commands, 1);
  assert.match(message?.subject ?? '', /^commands\.default\.\d+\.workflow$/);
  const body = JSON.parse(Buffer.from(message!.body).toString()) as Record<string, unknown>;
  assert.deepEqual(
    [message?.headers[HEADERS.ceType], message?.headers[HEADERS.run], message?.headers[HEADERS.step], message?.key],
    ['step.retry', 'run', 'notify', 'A'],
  );
  assert.deepEqual([body['step'], body['workflow'], body['version'], body['deadLetter']], ['notify', 'w', 2, LETTER]);
  assert.equal(message?.id, `run/notify/retry#${String(body['generation'])}`);
  assert.deepEqual(await listDeadLetters(story.database, { status: 'open' }, 1), []);
});

test('held effects are listed and resolved from the shell', async (t) => {
  const { story, visapi, spawn } = await openScene(t);
  await story.turn(EVENT, RUN, STEP);
  await story.claim();
  await story.claim();
  const [list, trace, wrong, unknown] = await Promise.all([
    visapi('held', 'list', '--json'),
    visapi('trace', COMMAND),
    visapi('held', 'resolve', EFFECT, '--as', 'perhaps'),
    spawn('held', 'resolve', 'nothing', '--as', 'done'),
  ]);
  assert.deepEqual(
    printed<HeldEffect[]>(list).map(({ id }) => id),
    [EFFECT],
  );
  assert.match(trace.stdout, /Fate: waiting[^]*is held/);
  assert.deepEqual([wrong.code, unknown.code], [2, 3]);
  assert.match((await visapi('held', 'resolve', EFFECT, '--as', 'done')).stdout, /resolved as done/);
});
