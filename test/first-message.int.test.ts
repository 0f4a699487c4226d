import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findExample } from '../cmd/visapi/example-payload.ts';
import { providerHeaders } from '../cmd/visapi/provider-request.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { createTraceReader, type EventTrace } from '../lib/store/trace.ts';
import type { PresetName } from '../lib/webhook/presets.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { openSystem, until, type SystemBed } from './system-bed.ts';

/** 24 bytes behind `whsec_`, as Standard Webhooks wants them. */
const STANDARD_SECRET = `whsec_${Buffer.from('twenty-four bytes, at least').toString('base64')}`;
const SOURCES = [
  { name: 'github', preset: 'github', secrets: [{ value: SECRET }] },
  { name: 'shop', preset: 'standard-webhooks', secrets: [{ value: STANDARD_SECRET }] },
];
/** What is promised, from the answer to the message at Slack. */
const ARRIVES_WITHIN_MS = 2_000;

const release = findExample('release.published');
const releaseBody = Buffer.from(JSON.stringify(release.payload));

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: { readonly id?: string; readonly duplicate?: boolean; readonly code?: string };
}

async function post(system: SystemBed, source: string, headers: Record<string, string>, body = releaseBody): Promise<Answer> {
  const response = await fetch(`${system.ingestUrl}/hooks/${source}`, { method: 'POST', headers, body: Buffer.from(body) });
  return { status: response.status, type: response.headers.get('content-type'), body: (await response.json()) as Answer['body'] };
}

function signed(preset: PresetName, options: { id?: string; nowMs?: number; secret?: string } = {}): Record<string, string> {
  const { id, nowMs = Date.now(), secret = preset === 'github' ? SECRET : STANDARD_SECRET } = options;
  return providerHeaders({ preset, secret, body: releaseBody, event: release.event, id, nowMs }).headers;
}

/** Waits for an event's fate without the tool, whose start is a second of work. */
async function hasFate(system: SystemBed, id: string, kind: EventTrace['fate']['kind']): Promise<void> {
  const reader = createTraceReader(system.database);
  await until(`the fate of ${id} is ${kind}`, async () => (await reader.byId(id))?.fate.kind === kind);
}

async function traced(system: SystemBed, id: string): Promise<EventTrace> {
  const { code, stdout, stderr } = await system.visapi('trace', id, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as EventTrace;
}

async function count(system: SystemBed, table: 'runs' | 'events'): Promise<number> {
  const [row] = await system.database.query<{ count: string }>({ text: `select count(*) as count from ${table}` });
  return Number(row!.count);
}

/** The value of one line of a program's metrics; 0 where the line is not there yet. */
async function metric(system: SystemBed, line: string): Promise<number> {
  const found = (await system.metrics('ingest')).split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

test('one signed webhook becomes one Slack message', async (t) => {
  const example = await readFile(join(projectRoot, 'examples/github-release-to-slack.yaml'), 'utf8');
  const system = await openSystem(t, [example], { sources: JSON.stringify(SOURCES) });

  await t.test('a real release is at Slack within 2 s, and its trace shows every stage', async () => {
    // Signed here and not by the tool: the two must not agree on a mistake.
    const signature = `sha256=${createHmac('sha256', SECRET).update(releaseBody).digest('hex')}`;
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'release',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': signature,
    };
    const answer = await post(system, 'github', headers);
    assert.equal(answer.status, 202);
    assert.equal(answer.body.duplicate, false);
    const id = answer.body.id!;
    assert.match(id, /^[a-z2-7]{26}$/);
    await until('the message is at Slack', async () => (await system.messages()).length === 1, ARRIVES_WITHIN_MS);
    const [message] = await system.messages();
    assert.equal(message?.channel, '#releases');
    assert.match(message.text, /Codertocat\/Hello-World 0\.0\.1 is out/);
    await hasFate(system, id, 'done');

    const [trace, plain] = await Promise.all([traced(system, id), system.visapi('trace', id)]);
    const { event, isProjected, runs, messages, fate } = trace;
    assert.equal(fate.kind, 'done');
    assert.deepEqual(
      [event.id, event.stream, event.source, event.type, event.key, event.size],
      [id, 'EVENTS', 'github', 'release.published', 'Codertocat/Hello-World', releaseBody.length],
    );
    assert.equal(isProjected, true);
    assert.ok(event.seq >= 1);
    assert.equal(runs.length, 1);
    const { run, steps } = runs[0]!;
    assert.deepEqual(
      [run.workflow, run.version, run.status, run.eventId, run.eventSeq],
      ['github-release-to-slack', 1, 'done', id, event.seq],
    );
    assert.deepEqual(
      steps.map(({ path, type, status, output }) => [path, type, status, output]),
      [['announce', 'slack.send', 'done', { channel: '#releases', status: 'sent' }]],
    );
    assert.deepEqual(
      messages.effects.map((effect) => [effect.id, effect.state, effect.repeats]),
      [[`${steps[0]!.commandId}/send`, 'done', 0]],
    );
    const [effect] = messages.effects;
    const times = [
      event.receivedAt,
      run.startedAt,
      steps[0]!.startedAt,
      effect!.claimedAt,
      effect!.endedAt!,
      steps[0]!.endedAt!,
      run.endedAt!,
    ].map((at) => Date.parse(at));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
      'the times are in the order of the stages',
    );

    assert.equal(plain.code, 0, plain.stderr);
    const stages = [
      'Fate: done',
      'received',
      'stored as EVENTS',
      'run started',
      'step announce started',
      'effect claimed',
      'effect done',
      'step announce done',
      'run done',
    ];
    for (const stage of stages) assert.ok(plain.stdout.includes(stage), `${stage} in\n${plain.stdout}`);
  });

  await t.test('visapi send does the same', async () => {
    const before = (await system.messages()).length;
    const sent = await system.visapi('send', 'github', '--example', 'release.published', '--json');
    assert.equal(sent.code, 0, sent.stderr);
    const { status, id, duplicate } = JSON.parse(sent.stdout) as { status: number; id: string; duplicate: boolean };
    assert.deepEqual([status, duplicate], [202, false]);
    await until('the message is at Slack', async () => (await system.messages()).length === before + 1, ARRIVES_WITHIN_MS);
    await hasFate(system, id, 'done');
  });

  await t.test('sent twice, it is one run and one message, and the second answer says duplicate', async () => {
    const [messages, runs] = [(await system.messages()).length, await count(system, 'runs')];
    const headers = signed('github');
    const first = await post(system, 'github', headers);
    const second = await post(system, 'github', headers);
    assert.deepEqual([first.status, first.body.duplicate], [202, false]);
    assert.deepEqual([second.status, second.body], [202, { id: first.body.id, duplicate: true }]);
    await hasFate(system, first.body.id!, 'done');
    // What comes after it is handled after it: once that is done, a second message would be there.
    const after = await post(system, 'github', signed('github'));
    await hasFate(system, after.body.id!, 'done');
    assert.equal((await system.messages()).length, messages + 2);
    assert.equal(await count(system, 'runs'), runs + 2);
  });

  await t.test('the lines of one event in all programs are tied together by its id and its trace', async () => {
    const { body } = await post(system, 'github', signed('github'));
    await hasFate(system, body.id!, 'done');
    const lines = (await system.logs())
      .split('\n')
      .filter((line) => line.includes(body.id!))
      .map((line) => JSON.parse(line) as { program: string; eventId?: string; traceId?: string });
    const programs = lines.filter(({ eventId }) => eventId === body.id).map(({ program }) => program);
    assert.deepEqual([...new Set(programs)].toSorted(), ['ingest', 'notifier', 'processor']);
    assert.equal(new Set(lines.map(({ traceId }) => traceId)).size, 1);
    assert.match(lines[0]?.traceId ?? '', /^[0-9a-f]{32}$/);
  });

  await t.test('a wrong, cut, old or missing signature is a 401 with its reason in the log and a metric, and nothing runs', async () => {
    const before = [(await system.messages()).length, await count(system, 'runs'), await count(system, 'events')];
    const good = signed('github');
    const [signature] = [good['x-hub-signature-256']!];
    const { 'x-hub-signature-256': _left, ...missing } = good;
    const aDay = 86_400_000;
    const cases: [source: string, reason: string, headers: Record<string, string>][] = [
      ['github', 'wrong_signature', signed('github', { secret: 'another secret' })],
      ['github', 'malformed_signature', { ...good, 'x-hub-signature-256': signature.slice(0, -2) }],
      ['github', 'no_signature', missing],
      ['shop', 'too_old', signed('standard-webhooks', { nowMs: Date.now() - aDay })],
      ['shop', 'in_the_future', signed('standard-webhooks', { nowMs: Date.now() + aDay })],
    ];
    for (const [source, reason, headers] of cases) {
      const line = `visapi_ingest_rejected_total{source="${source}",reason="${reason}"}`;
      const counted = await metric(system, line);
      const logged = (await system.logs()).split(`"reason":"${reason}"`).length;
      const { status, type, body } = await post(system, source, headers);
      assert.deepEqual([status, type, body.code], [401, 'application/problem+json', 'unauthenticated'], reason);
      assert.doesNotMatch(JSON.stringify(body), new RegExp(reason), 'the sender does not learn why');
      await until(`${reason} is in the log`, async () => (await system.logs()).split(`"reason":"${reason}"`).length === logged + 1);
      await until(`${reason} is counted`, async () => (await metric(system, line)) === counted + 1);
    }
    const after = await post(system, 'shop', signed('standard-webhooks'));
    assert.equal(after.status, 202, 'the same rightly signed is taken');
    await until('it has passed', async () => (await count(system, 'events')) === before[2]! + 1);
    assert.deepEqual([(await system.messages()).length, await count(system, 'runs')], before.slice(0, 2));
  });

  await t.test('an event that nobody wants is accepted, and its trace says unrouted', async () => {
    const body = Buffer.from(JSON.stringify({ action: 'opened', repository: { full_name: 'octo/hello' } }));
    const { headers } = providerHeaders({ preset: 'github', secret: SECRET, body, event: 'issues', nowMs: Date.now() });
    const { status, body: answer } = await post(system, 'github', headers, body);
    assert.equal(status, 202);
    await hasFate(system, answer.id!, 'unrouted');
    const { fate, runs } = await traced(system, answer.id!);
    assert.deepEqual([fate.kind, runs], ['unrouted', []]);
    assert.match(fate.details.join(), /no workflow/);
  });
});
