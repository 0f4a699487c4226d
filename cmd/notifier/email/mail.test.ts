import assert from 'node:assert/strict';
import { test } from 'node:test';
import PostalMime from 'postal-mime';
import { InvalidInput } from '../../../lib/actor/define-actor.ts';
import type { Message } from '../../../lib/actor/message.ts';
import { compileTemplate } from '../../../lib/workflow/template.ts';
import { readEmailCommand } from './command.ts';
import { composeMail, type MailAttachment } from './mail.ts';
import { htmlToPlainText } from './plain-text.ts';
import { patience } from '../../../lib/dev/test-scale.ts';

const KEY = 'ab'.repeat(32);
const SENDER = { name: 'Sklep Żabka, "A" <b@evil.example>', address: 'shop@example.org' };
const DATE = new Date('2026-03-01T10:00:00Z');
const GOOD = { to: 'l@example.org', subject: 'Receipt', text: 'Thank you' };

function read(body: object): ReturnType<typeof readEmailCommand> {
  return readEmailCommand({ body: Buffer.from(JSON.stringify(body)) } as unknown as Message);
}

async function compose(body: object, attachments: MailAttachment[] = []) {
  const mail = await composeMail({ command: read(body), sender: SENDER, attachments, idempotencyKey: KEY, date: DATE });
  return { ...mail, parsed: await PostalMime.parse(mail.raw), head: mail.raw.toString('latin1').split('\r\n\r\n')[0]! };
}

test('a mail has both parts, its names in every script, and its attachments byte for byte', async () => {
  const content = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
  const { parsed, raw, to, from } = await compose(
    {
      to: 'david@דוגמה.example',
      'to-name': 'Łukasz Żółć / דוד כהן',
      subject: 'Квитанция №17: إيصال',
      'reply-to': 'help@example.org',
      html: '<h1>Paid</h1><p>Łukasz &amp; דוד, <a href="https://example.org/o/17">your order</a></p><img src="https://example.org/x.png" alt="x">',
    },
    [{ filename: 'rachunek-żółć.pdf', contentType: 'application/pdf', content }],
  );
  assert.equal(to, 'david@xn--6dbbec0c.example');
  assert.equal(from, 'shop@example.org');
  assert.deepEqual(parsed.to, [{ name: 'Łukasz Żółć / דוד כהן', address: 'david@xn--6dbbec0c.example' }]);
  assert.deepEqual([parsed.from?.name, parsed.from?.address], [SENDER.name, SENDER.address]);
  assert.equal(parsed.subject, 'Квитанция №17: إيصال');
  assert.equal(parsed.text?.trim(), 'Paid\n\nŁukasz & דוד, your order [https://example.org/o/17]');
  assert.match(parsed.html ?? '', /<h1>Paid<\/h1>/);
  assert.equal(parsed.messageId, `<${'ab'.repeat(16)}@example.org>`);
  assert.equal(parsed.date, DATE.toISOString());
  const [attachment] = parsed.attachments;
  assert.deepEqual([attachment?.filename, attachment?.mimeType], ['rachunek-żółć.pdf', 'application/pdf']);
  assert.deepEqual(Buffer.from(attachment?.content as ArrayBuffer), content);
  for (const line of raw.toString('latin1').split('\r\n')) assert.ok(line.length <= 998 && /^[\t\x20-\x7e]*$/.test(line), line);
});

test('no line break and no control character of any field gets into a header', async () => {
  const evil = [
    'x\r\nBcc: all@evil.example',
    'x\nBcc: all@evil.example',
    'x\rBcc: a',
    '\r\n\r\n<b>',
    'x\u0000',
    'x\u2028y',
    'x\u0085y',
    'x\u000by',
    '\ud800',
  ];
  for (const text of evil)
    for (const field of ['to', 'to-name', 'subject', 'reply-to', 'filename'] as const) {
      const body = field === 'filename' ? { ...GOOD, attachments: [{ document: KEY, filename: text }] } : { ...GOOD, [field]: text };
      assert.throws(() => read(body), InvalidInput, `${field}: ${JSON.stringify(text)}`);
    }
  for (const filename of ['../x.pdf', 'a\\b.pdf', '/etc/passwd', ''])
    assert.throws(() => read({ ...GOOD, attachments: [{ document: KEY, filename }] }), InvalidInput);
  for (const document of ['../x', KEY.toUpperCase(), 'https://example.org/x', '/etc/passwd'])
    assert.throws(() => read({ ...GOOD, attachments: [{ document, filename: 'x' }] }), InvalidInput);
  assert.throws(() => read({ to: GOOD.to, subject: 'x' }), InvalidInput);
});

test('what a template fills in cannot become a header, an address or another recipient', async () => {
  const name = 'Eve" <eve@evil.example>, "Adam\r\nBcc: all@evil.example\r\n\r\n<script>';
  const event = { id: 'e', source: 's', type: 't', key: 'k', time: '', data: { name, email: 'a@example.org\r\nBcc: x@evil.example' } };
  const render = (body: object): object => compileTemplate(body, 'with').render({ event, steps: {} }) as object;
  for (const field of ['to-name', 'subject'] as const)
    assert.throws(() => read(render({ ...GOOD, [field]: 'For {{ event.data.name }}' })), InvalidInput);
  assert.throws(() => read(render({ ...GOOD, to: '{{ event.data.email }}' })), InvalidInput);
  assert.throws(() => read(render({ ...GOOD, to: '{{ event.data.name }}' })), InvalidInput);

  // On one line it is a strange name, and nothing else.
  const oneLine = name.replaceAll(/[\r\n]+/g, ' ');
  const { parsed, head } = await compose({
    ...GOOD,
    'to-name': oneLine,
    subject: `Re: ${oneLine} =?utf-8?q?Bcc:_x?=`,
    text: `.\r\n${name}\n.\r\n`,
  });
  assert.deepEqual(parsed.to, [{ name: oneLine, address: GOOD.to }]);
  assert.equal(parsed.cc, undefined);
  assert.equal(parsed.bcc, undefined);
  assert.equal(parsed.subject, `Re: ${oneLine} =?utf-8?q?Bcc:_x?=`);
  assert.doesNotMatch(head, /^bcc/im);
  const names = head.split('\r\n').flatMap((line) => /^[!-9;-~]+(?=:)/.exec(line)?.[0].toLowerCase() ?? []);
  assert.deepEqual(names.toSorted(), [
    'auto-submitted',
    'content-transfer-encoding',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ]);
});

test('the same command makes the same message id, whenever it is sent', async () => {
  const [first, second] = [await compose(GOOD), await compose({ ...GOOD, text: 'other' })];
  assert.equal(first.messageId, second.messageId);
});

test('the text part reads like the page, without its pictures, scripts and styles', () => {
  const html =
    '<style>p{color:red}</style><h2>Order A-17</h2><ul><li>One</li><li>Two</li></ul><script>x()</script><p>דוד &lt;3</p><a href="https://example.org">https://example.org</a>';
  assert.equal(htmlToPlainText(html), 'Order A-17\n\n * One\n * Two\n\nדוד <3\n\nhttps://example.org');
  const started = performance.now();
  assert.ok(htmlToPlainText('<div>'.repeat(20_000)).length < 100_000);
  assert.ok(htmlToPlainText('<table><tr><td>'.repeat(6_000)).length < 100_000);
  assert.ok(performance.now() - started < patience(5_000), 'deep pages end soon');
});
