import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createTraceReader, type EventTrace } from '../lib/store/trace.ts';
import { type ProgramName } from '../lib/dev/system-programs.ts';
import { openSystem, until, type SystemBed } from './system-bed.ts';

/** Every one is planted somewhere; none looks like a credential, so that no pattern can save a careless line. */
const CANARY = {
  sourceSecret: 'cnry01-source-secret',
  oldSourceSecret: 'cnry02-old-source-secret',
  slackHook: 'cnry03-slack-hook',
  slackToken: 'cnry04-slack-token',
  brokerPassword: 'cnry05-broker-password',
  databasePassword: 'cnry06-database-password',
  bearer: 'cnry07-bearer-token',
  cookie: 'cnry08-session-cookie',
  apiKey: 'cnry09-api-key',
  queryPassword: 'cnry10-query-password',
  email: 'cnry11@example.com',
  phone: '+49 30 cnry12',
  person: 'Cnry13 Lovelace',
  iban: 'DE00 cnry14',
  keyedEmail: 'cnry15@example.com',
  slackAnswer: 'cnry16-said-by-slack',
  brokenBody: 'cnry17-in-a-broken-body',
  wrongSignature: 'cnry18-sent-as-signature',
  mailPassword: 'cnry19-mail-password',
  mailAnswer: 'cnry20-said-by-a-mail-server',
} as const;
const ANY = /cnry\d\d/i;

const step = (channel: string, text: string) => ({ id: 'tell', uses: 'slack.send', with: { channel, text } });
const person = '{{ event.data.customer.name }} {{ event.data.customer.email }} {{ event.data.customer.phone }}';
const workflow = (kind: string, text: string, channel = '#releases', condition = `event.data.kind == "${kind}"`) =>
  JSON.stringify({ name: kind, on: { event: 'order.paid', source: 'shop', if: condition }, steps: [step(channel, text)] });

const mailing = (kind: string, subject: string) =>
  JSON.stringify({
    name: kind,
    on: { event: 'order.paid', source: 'shop', if: `event.data.kind == "${kind}"` },
    steps: [
      {
        id: 'mail',
        uses: 'email.send',
        'on-unknown': 'repeat',
        with: { to: '{{ event.data.customer.email }}', 'to-name': '{{ event.data.customer.name }}', subject, html: `<p>${person}</p>` },
      },
    ],
  });

const WORKFLOWS = [
  workflow('fine', person),
  workflow('by-bot', person, '#alerts'),
  workflow('refused', person),
  workflow('flaky', person),
  mailing('mailed', person),
  mailing('mailed-badly', `${person}\n`),
  workflow('missing', `${person} {{ event.data.customer.nothing }}`),
  workflow('nowhere', person, '#nowhere'),
  workflow('list', '{{ event.data.customer }}'),
  // A string where a number is needed: the evaluation fails on the customer's own data.
  workflow('compared', person, '#releases', `event.data.kind == "compared" && event.data.customer.email > 1`),
];

function order(kind: string): string {
  const { email, phone, person: name, iban, keyedEmail } = CANARY;
  return JSON.stringify({ action: 'paid', kind, repository: { full_name: keyedEmail }, customer: { email, phone, name, iban } });
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly id: string;
}

async function post(system: SystemBed, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${system.ingestUrl}/hooks/shop?password=${CANARY.queryPassword}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'order',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', CANARY.sourceSecret).update(body).digest('hex')}`,
      authorization: `Bearer ${CANARY.bearer}`,
      cookie: `session=${CANARY.cookie}`,
      'x-api-key': CANARY.apiKey,
      ...headers,
    },
    body,
  });
  const text = await response.text();
  const id = (JSON.parse(text) as { id?: string }).id ?? '';
  return { status: response.status, text: `${JSON.stringify([...response.headers])} ${text}`, id };
}

test('no secret and nothing about a person gets into a log, a metric or the answer to a bad request', async (t) => {
  const system = await openSystem(t, WORKFLOWS, {
    sources: JSON.stringify([
      {
        name: 'shop',
        preset: 'github',
        secrets: [{ value: CANARY.sourceSecret }, { value: CANARY.oldSourceSecret, expiresAt: '2026-01-01T00:00:00Z' }],
      },
    ]),
    channels: (sinkUrl) =>
      JSON.stringify({
        '#releases': { kind: 'incoming-webhook', url: `${sinkUrl}/services/T0LOCAL/B0RELEASES/${CANARY.slackHook}` },
        '#alerts': { kind: 'bot', token: `xoxb-${CANARY.slackToken}`, channelId: 'C0ALERTS' },
      }),
    workspace: {
      channels: [
        { id: 'C0RELEASES', name: '#releases' },
        { id: 'C0ALERTS', name: '#alerts' },
      ],
      tokens: [`xoxb-${CANARY.slackToken}`],
      webhooks: [{ path: `/services/T0LOCAL/B0RELEASES/${CANARY.slackHook}`, channel: '#releases' }],
    },
    passwords: { broker: CANARY.brokerPassword, database: CANARY.databasePassword },
    mail: { user: 'shop', password: CANARY.mailPassword },
    env: { LOG_LEVEL: 'trace', SLACK_RETRY_BASE_MS: '50', SLACK_ATTEMPTS: '3', EMAIL_RETRY_BASE_MS: '50', EMAIL_ATTEMPTS: '4' },
  });
  const reader = createTraceReader(system.database);
  const send = async (kind: string, fate: EventTrace['fate']['kind']): Promise<string> => {
    const { status, id } = await post(system, order(kind));
    assert.equal(status, 202, kind);
    await until(`${kind} is ${fate}`, async () => (await reader.byId(id))?.fate.kind === fate);
    return id;
  };

  // What goes well, and what goes wrong at Slack.
  await send('fine', 'done');
  await send('by-bot', 'done');
  assert.ok(
    (await system.messages()).length === 2 &&
      (await system.messages()).every(({ text }) => text === `${CANARY.person} ${CANARY.email} ${CANARY.phone}`),
  );
  await system.behave({ times: 1, answer: { status: 400, body: `invalid_blocks ${CANARY.slackAnswer}` } });
  await send('refused', 'dead-lettered');
  for (const hangUp of ['before-read', 'after-read', 'half-answer']) {
    await system.behave({ times: 1, answer: { hangUp } });
    await send('flaky', 'done');
  }
  await system.behave({ times: 3, answer: { status: 500, body: CANARY.slackAnswer, retryAfter: CANARY.slackAnswer } });
  await send('flaky', 'dead-lettered');
  await send('nowhere', 'dead-lettered');
  // What goes well with e-mails, and what goes wrong there.
  const answers = [
    { stage: 'auth', status: 454, body: `4.7.0 ${CANARY.mailPassword} ${CANARY.mailAnswer}` },
    { stage: 'to', status: 450, body: `4.7.1 <${CANARY.email}> ${CANARY.mailAnswer}` },
    { hangUp: 'after-read' },
  ];
  for (const answer of answers) await system.behave({ match: { kind: 'email' }, answer });
  await send('mailed', 'done');
  await system.behave({ match: { kind: 'email' }, answer: { status: 550, body: `5.7.1 <${CANARY.email}> ${CANARY.mailAnswer}` } });
  await send('mailed', 'dead-lettered');
  await send('mailed-badly', 'dead-lettered');
  // What goes wrong in a workflow.
  await send('missing', 'failed');
  await send('list', 'failed');
  await send('compared', 'failed');
  await send('nobody wants it', 'unrouted');

  // What goes wrong at the door.
  const bad = [
    await post(system, order('fine'), { 'x-hub-signature-256': 'sha256=00' }),
    await post(system, order('fine'), { 'x-hub-signature-256': CANARY.wrongSignature }),
    await post(system, order('fine'), {
      'x-hub-signature-256': `sha256=${createHmac('sha256', CANARY.oldSourceSecret).update(order('fine')).digest('hex')}`,
    }),
    await post(system, `{"email":"${CANARY.brokenBody}`),
    await post(system, order('fine'), { 'content-type': CANARY.brokenBody }),
    await post(system, order('fine'), { 'x-github-delivery': `${CANARY.brokenBody} ${'x'.repeat(2_000)}` }),
  ];
  for (const path of [`/hooks/${CANARY.brokenBody}`, `/${CANARY.brokenBody}?token=${CANARY.queryPassword}`]) {
    const response = await fetch(system.ingestUrl + path, { method: 'POST' });
    bad.push({ status: response.status, text: await response.text(), id: '' });
  }
  assert.deepEqual(
    bad.map(({ status }) => status >= 400),
    bad.map(() => true),
  );

  // What goes wrong around the programs: no broker, and connections to the database that are cut.
  await system.broker.kill();
  const unheard = post(system, order('fine')).then((answer) => bad.push(answer));
  await system.database
    .query({
      text: `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    })
    .catch(() => undefined);
  await until('the door says that the broker is away', async () => /"level":"(warn|error)"/.test(await system.logs()));
  await system.broker.start();
  await unheard;
  await send('fine', 'done');

  const metrics = await Promise.all((['ingest', 'processor', 'notifier'] satisfies ProgramName[]).map((name) => system.metrics(name)));
  const list = await system.visapi('dead', 'list', '--json');
  assert.equal(list.code, 0, list.stderr);
  const outputs = {
    logs: await system.logs(),
    metrics: metrics.join(''),
    problems: bad.map(({ text }) => text).join('\n'),
    list: list.stderr,
  };
  const reasons = (JSON.parse(list.stdout) as { reason: string }[]).map(({ reason }) => reason);
  for (const reason of ['refused', 'exhausted', 'gone', 'invalid'])
    assert.ok(reasons.includes(reason), `${reason} is in the list of dead letters`);
  for (const [what, text] of Object.entries(outputs)) {
    const lines = text.split('\n').filter((line) => ANY.test(line));
    assert.deepEqual(lines, [], `${lines.length} lines of the ${what} have a canary`);
  }
  for (const secret of [
    CANARY.slackHook,
    CANARY.slackToken,
    CANARY.mailPassword,
    CANARY.sourceSecret,
    CANARY.bearer,
    CANARY.cookie,
    CANARY.apiKey,
  ])
    assert.ok(!list.stdout.includes(secret), `${secret} is in the list of dead letters`);
  assert.ok(outputs.logs.length > 10_000, 'there is a log');
});
