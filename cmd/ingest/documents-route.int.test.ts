import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentUrl } from '../../lib/access/document-link.ts';
import { Secret } from '../../lib/core/secret.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createObjectStore, objectId, type ObjectStore } from '../../lib/jetstream/object-store.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { documentsBucketStream, DOCUMENTS_BUCKET } from '../../streams/documents-bucket.ts';
import { openIngestBed } from './ingest-bed.ts';

const KEY = 'k'.repeat(32);
const NOW = 1_800_000_000_000;
const IN_AN_HOUR = NOW / 1_000 + 3_600;

test('a signed link gives out its document as a file that can do nothing; any other gives out nothing', async (t) => {
  const bed = await openTestBed(t, { migrated: false });
  const connection = await connectBroker({ url: bed.natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, [documentsBucketStream({ maxBytes: 10_000_000 })]);
  const bucket = createObjectStore(connection, DOCUMENTS_BUCKET);
  const pdf = Buffer.from('%PDF-1.7 <script>alert(1)</script>');
  const { id } = await bucket.put(pdf, 'application/pdf');
  let store: ObjectStore | undefined = bucket;
  const ingest = await openIngestBed(t, { now: () => NOW, documents: { linkKey: new Secret(KEY), store: () => store } });
  const link = (more: object = {}, key = KEY) =>
    documentUrl(ingest.url, { id, filename: 'קבלה "1".pdf', expires: IN_AN_HOUR, ...more }, key);
  const ask = async (url: string, method = 'GET') => {
    const response = await fetch(url, { method });
    const body = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body };
  };

  const given = await ask(link());
  assert.equal(given.status, 200);
  assert.deepEqual(given.body, pdf);
  assert.equal(given.headers.get('content-type'), 'application/pdf');
  assert.equal(
    given.headers.get('content-disposition'),
    `attachment; filename="____ _1_.pdf"; filename*=UTF-8''%D7%A7%D7%91%D7%9C%D7%94%20%221%22.pdf`,
  );
  assert.equal(given.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(given.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'; sandbox");
  assert.equal(given.headers.get('cache-control'), 'private, no-store');
  assert.equal(given.headers.get('referrer-policy'), 'no-referrer');

  const refusal = async (url: string, method?: string) => {
    const { status, body } = await ask(url, method);
    return [status, (JSON.parse(body.toString()) as { code: string }).code];
  };
  assert.deepEqual(await refusal(link({}, 'x'.repeat(32))), [403, 'invalid_link']);
  assert.deepEqual(await refusal(link().replace(id, objectId(Buffer.from('another')))), [403, 'invalid_link']);
  assert.deepEqual(await refusal(`${ingest.url}/v1/documents/${id}`), [403, 'invalid_link']);
  assert.deepEqual(await refusal(link({ expires: NOW / 1_000 })), [410, 'expired_link']);
  assert.deepEqual(await refusal(link({ id: objectId(Buffer.from('not stored')) })), [404, 'not_found']);
  assert.deepEqual(await refusal(link(), 'POST'), [405, 'method_not_allowed']);
  store = undefined;
  assert.deepEqual(await refusal(link()), [503, 'broker_unavailable']);
  assert.doesNotMatch(ingest.lines.join(''), /signature=/, 'a link is a credential, and no log line has it');
});
