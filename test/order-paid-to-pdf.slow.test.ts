// An order that is paid becomes a receipt in its customer's mail: the example, through the whole system.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { demoOrder, orderPaidEvent, type DemoOrder } from '../lib/dev/demo-order.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import type { SinkEmail } from '../lib/sink/arrivals.ts';
import { DEMO_MAIL_ACCOUNT } from '../lib/sink/mail-account.ts';
import { openSystem, until } from './system-bed.ts';

/** What a receipt is promised to stay below. */
const MAX_BYTES = 200_000;

test('a paid order ends as one e-mail with its receipt, whatever scripts its customer is written in', async (t) => {
  const example = await readFile(join(projectRoot, 'examples/order-paid-to-pdf.yaml'), 'utf8');
  const system = await openSystem(t, [example], { mail: DEMO_MAIL_ACCOUNT, documents: true });
  const mails = async (): Promise<SinkEmail[]> => (await (await fetch(`${system.sink.url}/messages?kind=email`)).json()) as SinkEmail[];
  const send = async (order: DemoOrder): Promise<{ status: number; id: string; duplicate: boolean }> => {
    const response = await fetch(`${system.ingestUrl}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${system.apiKey}` },
      body: JSON.stringify(orderPaidEvent(order)),
    });
    return { status: response.status, ...((await response.json()) as { id: string; duplicate: boolean }) };
  };
  const order: DemoOrder = {
    ...demoOrder(1, 17),
    customer: 'Łukasz Żółć / דוד כהן',
    email: 'lukasz@example.org',
    locale: 'pl',
    currency: 'PLN',
    total: '1298.40',
  };

  const { id } = await send(order);
  assert.deepEqual([(await send(order)).duplicate, (await send(order)).id], [true, id]);
  await until('the e-mail is there', async () => (await mails()).length > 0, 60_000);
  const [mail] = await mails();
  assert.deepEqual([mail?.channel, mail?.to], [order.email, `${order.customer} <${order.email}>`]);
  assert.equal(mail?.subject, `${order.number}: 1298.40 PLN`);
  assert.match(mail.text, new RegExp(`${order.customer}[^]*${order.number}[^]*1298.40 PLN`));

  const [attachment, ...others] = mail.attachments;
  assert.deepEqual([attachment?.name, attachment?.type, others], [`receipt-${order.number}.pdf`, 'application/pdf', []]);
  const pdf = Buffer.from(await (await fetch(`${system.sink.url}${attachment?.path}`)).arrayBuffer());
  assert.ok(pdf.length > 0 && pdf.length < MAX_BYTES, `${pdf.length} bytes`);
  const { pages, text } = await readPdf(pdf);
  assert.equal(pages, 1);
  const flat = text.replaceAll(/\s+/g, ' ');
  for (const part of [order.number, '1298,40 zł', 'Łukasz Żółć', 'דוד כהן', order.phone])
    assert.ok(flat.includes(part), `${part} in ${flat}`);
  assert.ok(flat.indexOf('Łukasz Żółć') < flat.indexOf('דוד'), flat);

  // Whatever comes after it is done after it: then a second mail of the first order would be there.
  const next = { ...demoOrder(1, 18), email: 'next@example.org' };
  await send(next);
  await until('the next e-mail is there', async () => (await mails()).some(({ channel }) => channel === next.email), 30_000);
  assert.deepEqual(
    (await mails()).map(({ channel }) => channel),
    [order.email, next.email],
  );
  const trace = await system.visapi('trace', id);
  assert.match(trace.stdout, /Fate: done/);
});

async function readPdf(bytes: Buffer): Promise<{ pages: number; text: string }> {
  const loading = getDocument({ data: new Uint8Array(bytes), verbosity: 0 });
  try {
    const document = await loading.promise;
    const { items } = await (await document.getPage(1)).getTextContent();
    const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('');
    return { pages: document.numPages, text };
  } finally {
    await loading.destroy();
  }
}
