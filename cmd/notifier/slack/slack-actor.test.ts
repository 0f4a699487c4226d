import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type ActorContext, type ActorDefinition, EffectFailed, InvalidInput } from '../../../lib/actor/define-actor.ts';
import type { Emit, Message } from '../../../lib/actor/message.ts';
import type { OnUnknown } from '../../../lib/actor/record-port.ts';
import type { Verdict } from '../../../lib/actor/verdict.ts';
import { effectId, idempotencyKey } from '../../../lib/core/identity.ts';
import { createEgress } from '../../../lib/egress/egress.ts';
import { startSink } from '../../../lib/sink/sink.ts';
import { parseSlackChannels } from './channels.ts';
import type { SlackCommand } from './command.ts';
import { createSlackActor } from './slack-actor.ts';

/** A ledger in memory, by the contract of `ActorContext.effect`. */
class Ledger {
  readonly states = new Map<string, { state: string; result?: unknown; repeated?: boolean; onUnknown?: OnUnknown | undefined }>();

  context(message: Message, emits: Emit[]): ActorContext {
    const { states } = this;
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    return {
      actor: 'slack',
      message,
      attempt: 1,
      state: undefined,
      signal: new AbortController().signal,
      log,
      emit: (output) => void emits.push(output),
      record: () => {},
      async effect(name, run, options = {}) {
        const id = effectId(message.id, name);
        const known = states.get(id);
        if (known?.state === 'done') return known.result as never;
        if (known?.state === 'unknown' && (options.onUnknown === 'hold' || known.repeated === true)) {
          known.state = 'held';
          throw new Error(`${id} is held`);
        }
        const entry = { state: 'unknown', repeated: known?.state === 'unknown', onUnknown: options.onUnknown };
        states.set(id, entry);
        try {
          const result = await run({ idempotencyKey: idempotencyKey(id), repeated: entry.repeated, signal: new AbortController().signal });
          states.set(id, { ...entry, state: 'done', result });
          return result;
        } catch (error) {
          if (error instanceof EffectFailed) entry.state = 'failed';
          throw error;
        }
      },
    };
  }
}

async function setUp(t: TestContext, { totalMs = 60_000 } = {}) {
  const sink = await startSink({ port: 0 });
  t.after(() => sink.stop());
  const egress = createEgress({ rules: { allow: [sink.url], ports: [443] }, totalMs });
  t.after(() => egress.close());
  const hook = (service: string) => ({ kind: 'incoming-webhook', url: `${sink.url}/services/T0LOCAL/${service}/localpeer` });
  const channels = parseSlackChannels(
    JSON.stringify({
      '#releases': hook('B0RELEASES'),
      '#archived': hook('B0ARCHIVED'),
      '#alerts': { kind: 'bot', token: 'xoxb-local-peer', channelId: 'C0ALERTS' },
      '#expired': { kind: 'bot', token: 'xoxb-expired', channelId: 'C0ALERTS' },
      '#forbidden': { kind: 'incoming-webhook', url: 'http://127.0.0.1:1/services/x' },
    }),
  );
  const tries: string[] = [];
  const actor = createSlackActor({
    egress,
    channels,
    apiUrl: `${sink.url}/api`,
    onTry: (channel, outcome) => tries.push(`${channel} ${outcome}`),
  });
  const ledger = new Ledger();
  return {
    actor,
    ledger,
    tries,
    async handle(message: Message): Promise<{ verdict: Verdict<unknown>; emits: Emit[] }> {
      const emits: Emit[] = [];
      return { verdict: await actor.receive(actor.input(message), ledger.context(message, emits)), emits };
    },
    behave: (behaviour: object) => fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) }),
    messages: async () =>
      (await (await fetch(`${sink.url}/messages`)).json()) as {
        text: string;
        channel: string;
        idempotencyKey: string;
        body: Record<string, unknown>;
      }[],
  };
}

function command(body: object | string, headers: Record<string, string> = { 'Vis-Run': 'r1', 'Vis-Step': 'notify' }): Message {
  return {
    id: 'r1/notify',
    key: 'acme/app',
    priority: 'critical',
    stream: 'COMMANDS',
    seq: 7,
    subject: 'commands.critical.1.slack',
    headers,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    storedAt: 0,
    round: 0,
  };
}

const json = (emit: Emit | undefined): unknown => JSON.parse(Buffer.from(emit?.body ?? '').toString());

test('a command becomes one message, through either door, and its run is told', async (t) => {
  const { handle, messages } = await setUp(t);
  const blocks = [{ type: 'divider' }];
  const first = await handle(command({ channel: '#releases', text: 'v1 is out', blocks }));
  assert.deepEqual(first.verdict, { kind: 'done' });
  const [emit] = first.emits;
  assert.equal(emit?.id, 'r1/notify/result');
  assert.match(emit?.subject ?? '', /^commands\.critical\.\d+\.workflow$/);
  assert.equal(emit?.key, 'acme/app');
  assert.equal(emit?.headers['Vis-Run'], 'r1');
  assert.equal(emit?.headers['Vis-Step'], 'notify');
  assert.equal(emit?.headers['ce-type'], 'step.succeeded');
  assert.deepEqual(json(emit), { command: 'r1/notify', output: { channel: '#releases', status: 'sent' } });

  const second = await handle({ ...command({ channel: 'C0ALERTS', text: 'disk full' }), id: 'r2/notify' });
  const { output } = json(second.emits[0]) as { output: { ts: string } };
  assert.match(output.ts, /^\d+\.\d{6}$/);

  const arrived = await messages();
  assert.deepEqual(
    arrived.map(({ channel, text }) => [channel, text]),
    [
      ['#releases', 'v1 is out'],
      ['#alerts', 'disk full'],
    ],
  );
  assert.deepEqual(
    arrived.map((message) => message.idempotencyKey),
    ['r1/notify/send', 'r2/notify/send'].map(idempotencyKey),
  );
  assert.deepEqual(arrived[0]?.body, { text: 'v1 is out', blocks });
});

test('a command that comes again is not sent again, and its run is told again', async (t) => {
  const { handle, messages } = await setUp(t);
  const message = command({ channel: '#alerts', text: 'once' });
  const first = await handle(message);
  const second = await handle(message);
  assert.deepEqual(second, first);
  assert.equal((await messages()).length, 1);
});

test('a command of no run tells nobody', async (t) => {
  const { handle, messages } = await setUp(t);
  assert.deepEqual((await handle(command({ channel: '#releases', text: 'x' }, {}))).emits, []);
  assert.equal((await messages()).length, 1);
});

test('a known failure is recorded as failed, waits, and is then sent once', async (t) => {
  const { handle, behave, messages, ledger } = await setUp(t);
  await behave({ answer: { status: 503, retryAfter: 7 } });
  const message = command({ channel: '#releases', text: 'x' });
  const { verdict, emits } = await handle(message);
  assert.ok(verdict.kind === 'retry' && verdict.afterMs === 7_000, JSON.stringify(verdict));
  assert.deepEqual(emits, []);
  assert.equal(ledger.states.get('r1/notify/send')?.state, 'failed');
  assert.equal((await handle(message)).verdict.kind, 'done');
  assert.equal((await messages()).length, 1);
});

test('what Slack refuses is rejected with its whole answer', async (t) => {
  const { handle, behave, ledger } = await setUp(t);
  await behave({ answer: { status: 400, body: 'invalid_blocks' } });
  const { verdict } = await handle(command({ channel: '#releases', text: 'x' }));
  assert.ok(verdict.kind === 'reject' && verdict.reason === 'refused');
  assert.equal((verdict.detail as { body: string }).body, 'invalid_blocks');
  assert.equal(ledger.states.get('r1/notify/send')?.state, 'failed');
});

test('an archived or unknown channel is gone, an expired token waits for a person, a forbidden address is refused', async (t) => {
  const { handle, tries } = await setUp(t);
  const outcomes: string[] = [];
  for (const channel of ['#archived', '#nowhere', '#expired', '#forbidden']) {
    const { verdict } = await handle({ ...command({ channel, text: 'x' }), id: `r/${channel}` });
    outcomes.push(verdict.kind === 'reject' ? verdict.reason : verdict.kind);
  }
  assert.deepEqual(outcomes, ['gone', 'gone', 'park', 'refused']);
  assert.deepEqual(tries, ['#archived failed', '#expired failed', '#forbidden failed']);
});

test("an answer that is lost leaves the effect unknown: by the command's rule it is repeated once with the same key, or held", async (t) => {
  for (const hangUp of ['after-read', 'half-answer'] as const) {
    const { handle, behave, messages, ledger } = await setUp(t);
    await behave({ times: 1, answer: { hangUp } });
    const message = command({ channel: '#releases', text: 'x' });
    await assert.rejects(handle(message), /nobody knows/);
    assert.equal(ledger.states.get('r1/notify/send')?.state, 'unknown');
    assert.equal((await handle(message)).verdict.kind, 'done');
    const keys = (await messages()).map((arrived) => arrived.idempotencyKey);
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);

    await behave({ times: 1, answer: { hangUp } });
    const careful = { ...command({ channel: '#releases', text: 'y', onUnknown: 'hold' }), id: 'r3/notify' };
    await assert.rejects(handle(careful), /nobody knows/);
    await assert.rejects(handle(careful), /held/);
    assert.equal((await messages()).filter(({ text }) => text === 'y').length, 1);
  }
});

test('silence leaves the effect unknown', async (t) => {
  const { handle, behave, ledger } = await setUp(t, { totalMs: 2_000 });
  await behave({ answer: { delayMs: 60_000 } });
  await assert.rejects(handle(command({ channel: '#releases', text: 'x' })), /no answer within/);
  assert.equal(ledger.states.get('r1/notify/send')?.state, 'unknown');
});

test('what does not fit is invalid, with its path', async (t) => {
  const { actor } = await setUp(t);
  const read = actor.input as ActorDefinition<SlackCommand>['input'];
  for (const [body, path] of [
    ['{', 'JSON'],
    ['[]', 'body'],
    [{ text: 'x' }, 'channel'],
    [{ channel: '#a', text: 1 }, 'text'],
    [{ channel: '#a', text: '', onUnknown: 'maybe' }, 'onUnknown'],
  ] as const)
    assert.throws(
      () => read(command(body)),
      (error: unknown) => error instanceof InvalidInput && error.message.includes(path),
      path,
    );
});

test("the mailbox is the channel and the event's key", async (t) => {
  const { actor } = await setUp(t);
  const message = command({ channel: '#releases', text: 'x' });
  assert.deepEqual(actor.key?.(actor.input(message), message), ['#releases', 'acme/app']);
});

test('a dead letter tells the run, once per round', async (t) => {
  const { actor } = await setUp(t);
  const death = { id: 'slack:r1/notify:1', reason: 'refused', because: 'invalid_blocks', detail: { status: 400 } } as const;
  const [emit] = actor.onDead?.({ ...command('{'), round: 1 }, death) ?? [];
  assert.equal(emit?.id, 'r1/notify/dead/1');
  assert.equal(emit?.headers['ce-type'], 'step.failed');
  assert.deepEqual(json(emit), {
    command: 'r1/notify',
    reason: 'refused',
    because: 'invalid_blocks',
    detail: { status: 400 },
    deadLetter: death.id,
  });
  assert.deepEqual(actor.onDead?.(command('{', {}), death), []);
});
