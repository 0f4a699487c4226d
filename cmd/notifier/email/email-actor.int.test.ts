import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { type ActorContext, EffectFailed, InvalidInput } from '../../../lib/actor/define-actor.ts';
import type { Emit, Message } from '../../../lib/actor/message.ts';
import type { OnUnknown } from '../../../lib/actor/record-port.ts';
import type { Verdict } from '../../../lib/actor/verdict.ts';
import { effectId, idempotencyKey } from '../../../lib/core/identity.ts';
import { Secret } from '../../../lib/core/secret.ts';
import { createDial } from '../../../lib/egress/dial.ts';
import type { ObjectStore } from '../../../lib/jetstream/object-store.ts';
import type { SinkAttempt, SinkEmail } from '../../../lib/sink/arrivals.ts';
import { DEMO_MAIL_ACCOUNT } from '../../../lib/sink/mail-account.ts';
import { startSink, type Sink } from '../../../lib/sink/sink.ts';
import { createEmailActor, type EmailAccount } from './email-actor.ts';
import { createSmtpSender, type SmtpSenderOptions } from './smtp-sender.ts';

const PDF = Buffer.from('%PDF-1.7 a receipt');
const DOCUMENT = createHash('sha256').update(PDF).digest('hex');
const LARGE = 'f'.repeat(64);

/** Two documents: a small one, and one whose bytes nobody should ask for. */
const documents: Pick<ObjectStore, 'get' | 'info'> = {
  info: async (id) => {
    const known = { id, contentType: 'application/pdf', storedAt: 0 };
    return id === DOCUMENT ? { ...known, bytes: PDF.length } : id === LARGE ? { ...known, bytes: 20_000_000 } : undefined;
  },
  get: async (id) => (id === DOCUMENT ? { id, contentType: 'application/pdf', storedAt: 0, bytes: PDF.length, content: PDF } : undefined),
};

/** A ledger in memory, by the contract of `ActorContext.effect`. */
class Ledger {
  readonly states = new Map<string, { state: string; result?: unknown; onUnknown?: OnUnknown | undefined }>();

  context(message: Message, emits: Emit[]): ActorContext {
    const { states } = this;
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const { signal } = new AbortController();
    return {
      actor: 'email',
      message,
      attempt: 1,
      state: undefined,
      signal,
      log,
      emit: (output) => void emits.push(output),
      record: () => {},
      async effect(name, run, options = {}) {
        const id = effectId(message.id, name);
        const known = states.get(id);
        if (known?.state === 'done') return known.result as never;
        const entry = {
          state: 'unknown',
          onUnknown: options.onUnknown,
        };
        states.set(id, entry);
        try {
          const result = await run({
            idempotencyKey: idempotencyKey(id),
            repeated: known?.state === 'unknown',
            signal,
          });
          states.set(id, {
            ...entry,
            state: 'done',
            result,
          });
          return result;
        } catch (error) {
          if (error instanceof EffectFailed) entry.state = 'failed';
          throw error;
        }
      },
    };
  }
}

function accountAt(
  sink: Sink,
  change: Partial<SmtpSenderOptions> & { readonly password?: string; readonly allow?: string[] } = {},
): EmailAccount {
  const { hostname: host, port } = new URL(sink.smtpUrl!);
  const { password = DEMO_MAIL_ACCOUNT.password, allow = [sink.smtpUrl!], ...options } = change;
  const login = { user: DEMO_MAIL_ACCOUNT.user, password: new Secret(password) };
  const smtp = createSmtpSender({
    server: { host, port: Number(port), tls: 'none', login },
    dial: createDial({ rules: { allow, ports: [] } }),
    ...options,
  });
  return { smtp, sender: { name: 'Shop', address: 'shop@example.org' } };
}

async function setUp(t: TestContext) {
  const sink = await startSink({ port: 0, smtpPort: 0 });
  t.after(() => sink.stop());
  const ledger = new Ledger();
  const tries: string[] = [];
  const get = async <Value>(path: string): Promise<Value> => (await (await fetch(sink.url + path)).json()) as Value;
  return {
    sink,
    ledger,
    tries,
    async handle(
      message: Message,
      account: EmailAccount | undefined = accountAt(sink),
    ): Promise<{ verdict: Verdict<unknown>; emits: Emit[] }> {
      const emits: Emit[] = [];
      const actor = createEmailActor({ account, documents, onTry: ({ kind }) => tries.push(kind) });
      return { verdict: await actor.receive(actor.input(message), ledger.context(message, emits)), emits };
    },
    behave: (behaviour: object) => fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) }),
    mails: () => get<SinkEmail[]>('/messages?kind=email'),
    attempts: () => get<SinkAttempt[]>('/attempts'),
  };
}

let commands = 0;

function command(body: object = {}, id = `r${commands++}/mail`): Message {
  const whole = { to: 'lukasz@example.org', subject: 'Receipt A-17', text: 'Thank you', ...body };
  const headers = { 'Vis-Run': 'r1', 'Vis-Step': 'mail' };
  const rest = {
    key: 'A-17',
    priority: 'default',
    stream: 'COMMANDS',
    seq: 7,
    subject: 'commands.default.1.email',
    headers,
    storedAt: 0,
    round: 0,
  } as const;
  return { id, ...rest, body: Buffer.from(JSON.stringify(whole)) };
}

const word = (verdict: Verdict<unknown>): string => (verdict.kind === 'reject' ? verdict.reason : verdict.kind);
const json = (emit: Emit | undefined): unknown => JSON.parse(Buffer.from(emit?.body ?? '').toString());

test('a command becomes one e-mail with its document, and its run is told; coming again it is not sent again', async (t) => {
  const { handle, mails, tries } = await setUp(t);
  const message = command(
    { 'to-name': 'Łukasz Żółć / דוד כהן', attachments: [{ document: DOCUMENT, filename: 'receipt.pdf' }] },
    'r1/mail',
  );
  const first = await handle(message);
  assert.deepEqual(first.verdict, { kind: 'done' });
  const [mail] = await mails();
  const messageId = `<${idempotencyKey('r1/mail/send').slice(0, 32)}@example.org>`;
  assert.deepEqual([mail?.to, mail?.messageId], ['Łukasz Żółć / דוד כהן <lukasz@example.org>', messageId]);
  assert.deepEqual(
    mail?.attachments.map(({ name, type, sha256 }) => [name, type, sha256]),
    [['receipt.pdf', 'application/pdf', DOCUMENT]],
  );
  const [emit] = first.emits;
  assert.match(emit?.subject ?? '', /^commands\.default\.\d+\.workflow$/);
  const { output } = json(emit) as { output: Record<string, string> };
  assert.deepEqual([output['to'], output['messageId'], output['status']], ['lukasz@example.org', messageId, 'sent']);
  assert.match(output['response'] ?? '', /^250 /);
  assert.deepEqual(await handle(message), first);
  assert.equal((await mails()).length, 1);
  assert.deepEqual(tries, ['sent']);
});

test("a server's no is tried again, given up or left to a person, by its code and its stage", async (t) => {
  const { handle, behave, mails, ledger } = await setUp(t);
  const cases: [answer: object, expected: string][] = [
    [{ stage: 'connect', status: 421 }, 'retry'],
    [{ stage: 'connect', status: 554 }, 'park'],
    [{ stage: 'auth', status: 454, body: '4.7.0 busy' }, 'retry'],
    [{ stage: 'from', status: 452 }, 'retry'],
    [{ stage: 'from', status: 550, body: '5.7.60 may not' }, 'park'],
    [{ stage: 'to', status: 450, body: '4.7.1 greylisted' }, 'retry'],
    [{ stage: 'to', status: 553 }, 'refused'],
    [{ status: 421 }, 'retry'],
    [{ status: 451 }, 'retry'],
    [{ status: 554, body: '5.7.1 spam' }, 'refused'],
  ];
  for (const [answer, expected] of cases) {
    await behave({ answer });
    const message = command();
    const { verdict, emits } = await handle(message);
    assert.equal(word(verdict), expected, JSON.stringify(answer));
    assert.deepEqual(emits, []);
    assert.equal(ledger.states.get(`${message.id}/send`)?.state, 'failed');
  }
  assert.deepEqual(await mails(), []);
  const gone = (await handle(command({ to: 'nobody@example.org' }))).verdict;
  assert.ok(gone.kind === 'reject' && gone.reason === 'gone');
  assert.deepEqual(gone.detail, { stage: 'to', code: 550, response: '550 5.1.1 no such mailbox here' });

  const late = command();
  await behave({ answer: { stage: 'to', status: 450 } });
  assert.equal((await handle(late)).verdict.kind, 'retry');
  assert.equal((await handle(late)).verdict.kind, 'done');
  assert.equal((await mails()).length, 1);
});

test('a connection that is lost once the whole mail was offered leaves it unknown, before that nothing was sent', async (t) => {
  const { handle, behave, mails, ledger, sink } = await setUp(t);
  for (const stage of ['connect', 'auth', 'from', 'to'] as const) {
    await behave({ answer: { stage, hangUp: 'before-read' } });
    const { verdict } = await handle(command());
    assert.ok(verdict.kind === 'retry', `${stage}: ${JSON.stringify(verdict)}`);
  }
  assert.deepEqual(await mails(), []);
  const ids: string[] = [];
  for (const hangUp of ['after-read', 'half-answer'] as const) {
    await behave({ answer: { hangUp } });
    const message = command();
    await assert.rejects(handle(message), /nobody knows/, hangUp);
    ids.push(`${message.id}/send`);
  }
  await behave({ answer: { delayMs: 6_000 } });
  const slow = command();
  await assert.rejects(handle(slow, accountAt(sink, { totalMs: 2_500 })), /nobody knows/);
  for (const id of [...ids, `${slow.id}/send`]) assert.deepEqual(ledger.states.get(id), { state: 'unknown', onUnknown: 'hold' });
  const repeat = command({ onUnknown: 'repeat' });
  await behave({ answer: { hangUp: 'after-read' } });
  await assert.rejects(handle(repeat), /nobody knows/);
  assert.equal((await handle(repeat)).verdict.kind, 'done');
  const copies = (await mails()).slice(-2).map(({ messageId }) => messageId);
  assert.equal(copies[0], copies[1], 'both copies have one message id');
});

test('a wrong password, no server, a server that is not allowed or has no TLS wait for a person', async (t) => {
  const { handle, sink, mails } = await setUp(t);
  const port = Number(new URL(sink.smtpUrl!).port);
  const demanding = { host: '127.0.0.1', port, tls: 'starttls', login: { user: 'visapi', password: new Secret('canary') } } as const;
  const because: string[] = [];
  const noServer = createEmailActor({ account: undefined, documents });
  const verdicts = [
    (await handle(command(), accountAt(sink, { password: 'canary' }))).verdict,
    (await handle(command(), accountAt(sink, { allow: [] }))).verdict,
    (await handle(command(), accountAt(sink, { server: demanding }))).verdict,
    (await handle(command(), accountAt(sink, { server: { ...demanding, tls: 'at-once' } }))).verdict,
    await noServer.receive(noServer.input(command()), new Ledger().context(command(), [])),
  ];
  for (const verdict of verdicts) {
    assert.equal(verdict.kind, 'park', JSON.stringify(verdict));
    if (verdict.kind === 'park') because.push(verdict.because);
  }
  assert.deepEqual(
    because.map((text) => /535|not allowed|no TLS|SSL|SMTP_URL/.exec(text)?.[0]),
    ['535', 'not allowed', 'no TLS', 'SSL', 'SMTP_URL'],
    because.join('\n'),
  );
  assert.doesNotMatch(because.join(), /canary/);
  assert.deepEqual(await mails(), []);
});

test('what a replay diverts goes there, or nowhere, and never to its recipient', async (t) => {
  const { handle, mails } = await setUp(t);
  const diverted = (targets: string): Message => {
    const message = command({ to: 'customer@example.org' });
    return { ...message, headers: { ...message.headers, 'Vis-Divert': targets } };
  };
  assert.equal((await handle(diverted('#alerts, test@example.org'))).verdict.kind, 'done');
  for (const targets of ['#alerts', 'not an@address']) assert.equal(word((await handle(diverted(targets))).verdict), 'refused');
  assert.deepEqual(
    (await mails()).map(({ channel, to }) => [channel, to]),
    [['test@example.org', 'test@example.org']],
  );
});

test('a document that is gone or too large, and fields that do not fit, are given up before the server is asked', async (t) => {
  const { handle, attempts, tries } = await setUp(t);
  const attach = (document: string): Message => command({ attachments: [{ document, filename: 'x.pdf' }] });
  assert.equal(word((await handle(attach('0'.repeat(64)))).verdict), 'gone');
  assert.equal(word((await handle(attach(LARGE))).verdict), 'refused');
  await assert.rejects(handle(command({ subject: 'x\r\nBcc: y@evil.example' })), InvalidInput);
  await assert.rejects(handle(command({ to: 'a@example.org, b@evil.example' })), InvalidInput);
  assert.deepEqual([await attempts(), tries], [[], []]);
});
