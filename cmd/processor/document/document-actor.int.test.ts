// From a command to a stored PDF: what is in it, what it may be, and what becomes of it otherwise.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ActorContext } from '../../../lib/actor/define-actor.ts';
import type { Emit, Message } from '../../../lib/actor/message.ts';
import { checkDocumentLink } from '../../../lib/access/document-link.ts';
import { HEADERS } from '../../../lib/core/headers.ts';
import { projectRoot } from '../../../lib/dev/local-home.ts';
import { poll } from '../../../lib/dev/poll.ts';
import { readPdfText } from '../../../lib/dev/pdf-text.ts';
import { openTestBed } from '../../../lib/dev/test-bed.ts';
import { connectBroker } from '../../../lib/jetstream/connection.ts';
import { createObjectStore, type ObjectStore } from '../../../lib/jetstream/object-store.ts';
import { applyStreams } from '../../../lib/jetstream/stream-plan.ts';
import { documentMetrics } from '../../../lib/telemetry/document-metrics.ts';
import { createRegistry } from '../../../lib/telemetry/metrics.ts';
import type { DocumentOutput } from '../../../streams/document-output.ts';
import { documentsBucketStream, DOCUMENTS_BUCKET } from '../../../streams/documents-bucket.ts';
import { createDocumentActor } from './document-actor.ts';
import { createHtmlTemplates } from './document-html.ts';
import type { PdfRenderer } from './pdf-renderer.ts';
import { leftovers, openTestRenderer, processWith, temporaryFiles } from './test-renderer.ts';

const KEY = 'k'.repeat(32);
const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const TEMPLATES = join(projectRoot, 'examples/documents');

const ended: string[] = [];
const renderer = openTestRenderer({ maxPages: 3, maxBytes: 200_000, recycleAfter: 3, onEnd: (reason) => void ended.push(reason) });

async function openStore(t: TestContext): Promise<ObjectStore> {
  const bed = await openTestBed(t, { migrated: false });
  const connection = await connectBroker({ url: bed.natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, [documentsBucketStream({ maxBytes: 10_000_000 })]);
  return createObjectStore(connection, DOCUMENTS_BUCKET);
}

function actorWith(store: Pick<ObjectStore, 'put'>, options: { renderer?: Pick<PdfRenderer, 'render'>; templates?: string } = {}) {
  const actor = createDocumentActor({
    templates: createHtmlTemplates(options.templates ?? TEMPLATES),
    renderer: options.renderer ?? renderer,
    store,
    slots: 1,
    timeoutMs: 60_000,
    links: { publicUrl: 'https://hooks.example.org', key: KEY, lifetimeMs: DAY_MS },
    metrics: documentMetrics(createRegistry({ program: 'test', version: '0', env: 'development' })),
    now: () => NOW,
  });
  return async (command: object) => {
    const message = commandMessage(command);
    const emits: Emit[] = [];
    const context = { message, signal: new AbortController().signal, emit: (output: Emit) => void emits.push(output) };
    const verdict = await actor.receive(actor.input(message), context as unknown as ActorContext);
    const results = emits.map(({ body }) => (JSON.parse(Buffer.from(body).toString()) as { output: DocumentOutput }).output);
    return { verdict, output: results[0] };
  };
}

function commandMessage(command: object): Message {
  return {
    stream: 'COMMANDS',
    seq: 1,
    id: 'run/receipt',
    key: 'A-17',
    priority: 'default',
    round: 0,
    subject: 'commands.default.0.document',
    headers: { [HEADERS.run]: 'run', [HEADERS.step]: 'receipt' },
    body: Buffer.from(JSON.stringify(command)),
  } as unknown as Message;
}

const receipt = (customer: string, locale: string) => ({
  template: 'receipt',
  locale,
  filename: 'receipt A-17',
  data: {
    number: 'A-17',
    customer,
    phone: '+48 600 100 200',
    paidAt: '2026-11-20T10:00:00Z',
    timeZone: 'Europe/Warsaw',
    currency: 'PLN',
    total: '1298.40',
    items: JSON.stringify([{ name: 'Wiza', quantity: 2, price: '649.20' }]),
  },
});

test('a receipt is one small page, readable in every script, and the same each time', async (t) => {
  const store = await openStore(t);
  const act = actorWith(store);
  for (const [customer, locale, total] of [
    ['Łukasz Żółć / דוד כהן', 'pl', '1298,40 zł'],
    ['דוד כהן', 'he', '1,298.40'],
    ['Иван Петров', 'ru', '1 298,40'],
    ['محمد علي', 'ar', '1,298.40'],
  ] as const) {
    const { verdict, output } = await act(receipt(customer, locale));
    assert.deepEqual(verdict, { kind: 'done' }, customer);
    const stored = await store.get(output?.documentId ?? '');
    assert.ok(stored !== undefined && output !== undefined);
    assert.equal(createHash('sha256').update(stored.content).digest('hex'), output.sha256);
    assert.deepEqual([output.bytes, stored.contentType, output.filename], [stored.content.length, 'application/pdf', 'receipt A-17.pdf']);
    assert.ok(output.bytes < 200_000);
    assert.match(stored.content.toString('latin1'), /CreationDate \(D:20000101/, 'the same page is the same bytes at any time');
    const { pages, text } = await readPdfText(stored.content);
    assert.deepEqual([pages, output.pages], [1, 1]);
    const read = text.normalize('NFKC').replaceAll(/\s+/g, ' ');
    for (const part of ['A-17', total, '+48 600 100 200']) assert.ok(read.includes(part), `${part} in ${read}`);
    for (const name of customer.split(' / '))
      // Arabic letters are in the PDF as they are drawn: the reader leaves them in the order of drawing.
      assert.ok(read.includes(name) || read.includes(Array.from(name).toReversed().join('')), `${name} in ${read}`);
    const { link } = { link: undefined, ...checkDocumentLink(output.documentId, new URL(output.url).searchParams, KEY, NOW) };
    assert.deepEqual(link, { id: output.documentId, filename: output.filename, expires: (NOW + DAY_MS) / 1_000 });
  }
  const [first, second] = [await act(receipt('Ada', 'en')), await act(receipt('Ada', 'en'))];
  assert.deepEqual(first.output, second.output, 'another browser made the second one');
  assert.deepEqual(ended, ['recycled', 'recycled'], 'a browser is replaced after its third document');
});

test('a document beyond a limit, or that asks for the network, is refused for good; without a browser it waits', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-templates-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'pages.liquid'), '{% for n in (1..9) %}<p style="break-after: page">{{ n }}</p>{% endfor %}');
  writeFileSync(join(folder, 'network.liquid'), '<img src="http://127.0.0.1:9/logo.png?secret=1">');
  const puts: string[] = [];
  const store = { put: (content: Uint8Array) => Promise.reject(new Error(`stored ${puts.push(String(content.length))}`)) };
  const act = actorWith(store, { templates: folder });
  const refused = async (template: string) => (await act({ template })).verdict;
  assert.deepEqual(await refused('pages'), { kind: 'reject', reason: 'invalid', because: 'expected at most 3 pages, got more' });
  assert.deepEqual(await refused('nothing'), {
    kind: 'reject',
    reason: 'invalid',
    because: `template: there is no nothing.liquid in ${folder}`,
  });
  assert.deepEqual(await refused('network'), {
    kind: 'reject',
    reason: 'invalid',
    because: 'network: only data: may be loaded, it asks for http://127.0.0.1:9/logo.png',
  });
  const small = openTestRenderer({ maxBytes: 2_000 });
  assert.deepEqual((await actorWith(store, { renderer: small })(receipt('Ada', 'en'))).verdict, {
    kind: 'reject',
    reason: 'invalid',
    because: 'expected at most 2000 bytes, got more',
  });
  const none = openTestRenderer({ findBrowser: () => Promise.resolve(undefined) });
  const waiting = (await actorWith(store, { renderer: none })(receipt('Ada', 'en'))).verdict;
  assert.ok(waiting.kind === 'park' && waiting.until > NOW && /npm run browser/.test(waiting.because), JSON.stringify(waiting));
  assert.deepEqual(puts, [], 'nothing of it is stored');
});

test('a stop ends what is being rendered, and nothing starts any more', async () => {
  const own = openTestRenderer();
  const rendering = assert.rejects(own.render({ html: '<script>for(;;);</script>', javaScript: true }), { reason: 'aborted' });
  await poll(() => processWith(own, '--type=renderer'), { deadlineMs: 30_000, what: 'the renderer' });
  const tree = own.processes();
  await own.stop();
  assert.deepEqual(leftovers(tree, temporaryFiles()), []);
  await rendering;
  await assert.rejects(own.render({ html: 'x' }), { reason: 'aborted' });
  assert.deepEqual(own.processes(), []);
});
