import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createTransport } from 'nodemailer';
import type { SinkAttempt, SinkEmail } from './arrivals.ts';
import { DEMO_MAIL_ACCOUNT } from './mail-account.ts';
import { startSink } from './sink.ts';

async function start(t: TestContext) {
  const sink = await startSink({ port: 0, smtpPort: 0 });
  t.after(() => sink.stop());
  const port = Number(new URL(sink.smtpUrl!).port);
  const get = async <Value>(path: string): Promise<Value> => (await (await fetch(sink.url + path)).json()) as Value;
  return {
    url: sink.url,
    send: async (mail: object, password: string = DEMO_MAIL_ACCOUNT.password) =>
      await createTransport({ host: '127.0.0.1', port, ignoreTLS: true, auth: { user: DEMO_MAIL_ACCOUNT.user, pass: password } }).sendMail({
        from: 'Shop <shop@example.org>',
        to: 'a@example.org',
        subject: 'Hello',
        text: 'there',
        ...mail,
      }),
    /** Says a whole session at once and gives back the codes of the answers. */
    say: (lines: string[]) => say(port, lines),
    mails: () => get<SinkEmail[]>('/messages?kind=email'),
    attempts: () => get<SinkAttempt[]>('/attempts'),
    behave: (behaviour: object) => fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) }),
  };
}

const LOGIN = `AUTH PLAIN ${Buffer.from(`\0${DEMO_MAIL_ACCOUNT.user}\0${DEMO_MAIL_ACCOUNT.password}`).toString('base64')}`;
const HEAD = [
  'From: shop@example.org',
  'To: a@example.org',
  'Date: Sun, 01 Mar 2026 10:00:00 +0000',
  'Message-ID: <1@example.org>',
  'Subject: x',
];

/** One command after the other's answer; the last answer's text is given back. */
async function say(port: number, lines: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const waiting = [...lines, 'QUIT'];
  let last = '';
  let buffer = '';
  return await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve(last));
    socket.on('data', (chunk) => {
      buffer += chunk.toString('latin1');
      if (!/(^|\n)\d{3} [^\n]*\n$/.test(buffer)) return;
      if (waiting.length > 0) last = buffer.trim().split('\n').at(-1) ?? '';
      buffer = '';
      const next = waiting.shift();
      if (next === undefined) socket.end();
      else socket.write(`${next}\r\n`, 'latin1');
    });
  });
}

/** A session that offers these bytes. */
function offering(content: string, options: { from?: string; args?: string } = {}): string[] {
  const { from = 'shop@example.org', args = '' } = options;
  return ['EHLO x', LOGIN, `MAIL FROM:<${from}>${args}`, 'RCPT TO:<a@example.org>', 'DATA', `${content}\r\n.`];
}

test('a mail is listed with its people, both parts and its attachments, whose bytes can be had', async (t) => {
  const { send, mails, url } = await start(t);
  const content = Buffer.from('%PDF-1.7 and more \u0000\u00ff', 'latin1');
  const sent = await send({
    to: { name: 'Łukasz Żółć / דוד כהן', address: 'l@example.org' },
    subject: 'Чек',
    html: '<p>Привет</p>',
    attachments: [{ filename: 'чек.pdf', contentType: 'application/pdf', content }],
  });
  const [mail] = await mails();
  assert.ok(mail !== undefined);
  assert.match(sent.response, new RegExp(`^250 .*${mail.id}`));
  assert.deepEqual(
    [mail.kind, mail.channel, mail.from, mail.to, mail.subject, mail.text.trim(), mail.html?.trim()],
    ['email', 'l@example.org', 'shop@example.org', 'Łukasz Żółć / דוד כהן <l@example.org>', 'Чек', 'there', '<p>Привет</p>'],
  );
  assert.equal(mail.messageId, sent.messageId);
  const [attachment] = mail.attachments;
  const sha256 = createHash('sha256').update(content).digest('hex');
  assert.deepEqual(
    [attachment?.name, attachment?.type, attachment?.bytes, attachment?.sha256],
    ['чек.pdf', 'application/pdf', content.length, sha256],
  );
  const answer = await fetch(url + attachment!.path);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content);
  assert.match(answer.headers.get('content-disposition') ?? '', /attachment/);
  assert.match(await (await fetch(`${url}/messages/${mail.id}/raw`)).text(), /^Message-ID: /im);
  assert.equal((await fetch(`${url}/messages/${mail.id}/attachments/1`)).status, 404);
  assert.equal((await fetch(`${url}/messages/1.2/raw`)).status, 404);
  const page = await (await fetch(url)).text();
  assert.match(page, /Łukasz Żółć \/ דוד כהן &lt;l@example.org&gt;.*Чек.*чек\.pdf/s);

  await fetch(`${url}/messages`, { method: 'DELETE' });
  assert.deepEqual(await mails(), []);
  assert.equal((await fetch(`${url}/messages/${mail.id}/raw`)).status, 404);
});

test('the same mail twice is two mails', async (t) => {
  const { send, mails } = await start(t);
  for (let count = 0; count < 2; count++) await send({ messageId: '<same@example.org>' });
  assert.equal((await mails()).length, 2);
});

test('it refuses what mail servers refuse', async (t) => {
  const { say, send, mails, attempts } = await start(t);
  const whole = `${HEAD.join('\r\n')}\r\n\r\nbody`;
  const without = (name: string): string => whole.replace(new RegExp(`^${name}: .*\r\n`, 'm'), '');
  const cases: [reply: RegExp, lines: string[]][] = [
    [/^250 /, offering(whole)],
    [/^530 /, ['EHLO x', 'MAIL FROM:<shop@example.org>']],
    [/^535 5\.7\.8/, ['EHLO x', `AUTH PLAIN ${Buffer.from('\0visapi\0wrong').toString('base64')}`]],
    [/^502|^454|^500/, ['EHLO x', 'STARTTLS']],
    [/^55[23] /, ['EHLO x', LOGIN, `MAIL FROM:<shop@example.org> SIZE=${30 * 1024 ** 2}`]],
    [/^550 5\.1\.1/, ['EHLO x', LOGIN, 'MAIL FROM:<shop@example.org>', 'RCPT TO:<nobody@example.org>']],
    [/^5\d\d /, ['EHLO x', LOGIN, 'MAIL FROM:<shop@example.org>', 'RCPT TO:<a b@example.org>']],
    [/^5\d\d /, ['EHLO x', LOGIN, 'MAIL FROM:<shop@example.org>', 'RCPT TO:<a@localhost>']],
    [/^5\d\d /, ['EHLO x', LOGIN, 'MAIL FROM:<shop@example.org>', 'DATA']],
    [/^550 .*no from/, offering(without('From'))],
    [/^550 .*no date/, offering(without('Date'))],
    [/^550 .*no message-id/, offering(without('Message-ID'))],
    [/^550 .*more than one from/, offering(`From: other@example.org\r\n${whole}`)],
    [/^550 .*more than one subject/, offering(`Subject: y\r\n${whole}`)],
    [/^550 .*message-id that is none/, offering(whole.replace('<1@example.org>', '1'))],
    [/^550 .*date that is none/, offering(whole.replace('Sun, 01', 'Someday'))],
    [/^550 5\.7\.60/, offering(whole, { from: 'other@example.org' })],
    [/^554 .*zero byte/, offering(`${whole}\0`)],
    [/^554 .*998 octets/, offering(`${whole}${'x'.repeat(999)}`)],
    [/^554 .*not ASCII/, offering(whole.replace('Subject: x', 'Subject: \xe4'))],
    [/^554 .*8BITMIME/, offering(`${whole}\xe4`)],
    [/^250 /, offering(`${whole}\xe4`, { args: ' BODY=8BITMIME' })],
  ];
  await Promise.all(cases.map(async ([reply, lines]) => assert.match(await say(lines), reply, lines.at(-1))));
  assert.equal((await mails()).length, 2);
  await assert.rejects(send({}, 'wrong'), { responseCode: 535 });
  const refused = (await attempts()).filter(({ via, outcome }) => via === 'smtp' && outcome === 'refused');
  assert.ok(refused.length >= 12 && refused.every(({ status }) => (status ?? 0) >= 550));
});

test('a behaviour answers at its stage, by recipient and text, and leaves Slack alone', async (t) => {
  const { send, behave, mails, attempts, url } = await start(t);
  await behave({ match: { kind: 'email' }, times: 5, answer: { status: 503 } });
  const slack = await fetch(`${url}/services/T0LOCAL/B0RELEASES/localpeer`, { method: 'POST', body: JSON.stringify({ text: 'x' }) });
  assert.equal(slack.status, 200);
  await fetch(`${url}/behaviour`, { method: 'DELETE' });

  const told: [answer: object, code: number][] = [
    [{ stage: 'connect', status: 421 }, 421],
    [{ stage: 'auth', status: 454 }, 454],
    [{ stage: 'from', status: 452 }, 452],
    [{ stage: 'to', status: 450, body: '4.7.1 greylisted' }, 450],
    [{ status: 451, delayMs: 10 }, 451],
    [{ retryAfter: 1 }, 451],
  ];
  for (const [answer, responseCode] of told) {
    await behave({ answer });
    await assert.rejects(send({}), { responseCode }, JSON.stringify(answer));
  }
  await behave({ match: { channel: 'b@example.org' }, answer: { stage: 'to', status: 550 } });
  await behave({ match: { textIncludes: 'A-17' }, answer: { status: 554 } });
  await send({ text: 'A-16' });
  await assert.rejects(send({ subject: 'A-17' }), { responseCode: 554 });
  await assert.rejects(send({ to: 'b@example.org' }), { responseCode: 550 });
  assert.equal((await mails()).length, 1);
  assert.equal((await attempts()).filter(({ outcome }) => outcome === 'behaviour').length, 8);
});

test('a hang-up loses the answer; the mail arrives unless it was not read', async (t) => {
  const { send, behave, mails } = await start(t);
  for (const [hangUp, arrived] of [
    ['before-read', 0],
    ['after-read', 1],
    ['half-answer', 2],
  ] as const) {
    await behave({ answer: { hangUp } });
    await assert.rejects(send({}), (error: { responseCode?: number }) => error.responseCode === undefined);
    assert.equal((await mails()).length, arrived, hangUp);
  }
});
