import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/core/secret.ts';
import { PRESETS } from '../../lib/webhook/presets.ts';
import { sign } from '../../lib/webhook/signature.ts';
import { headersFromRecord } from '../../lib/webhook/webhook-headers.ts';
import { githubHeaders, githubSignature, openIngestBed, post, SECRET } from './ingest-bed.ts';

const BODY = '{"action":"published","repository":{"full_name":"octo/demo"}}';
const WHSEC = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

test('a signed webhook is answered 202 with its id, and again with duplicate: true', async (t) => {
  const bed = await openIngestBed(t);
  const first = await post(bed.url, BODY, githubHeaders(BODY, 'd-1'));
  assert.equal(first.status, 202);
  assert.deepEqual(first.json, { id: bed.published[0]?.id, duplicate: false });
  const second = await post(bed.url, BODY, githubHeaders(BODY, 'd-1'));
  assert.deepEqual([second.status, second.json], [202, { id: first.json['id'], duplicate: true }]);
  const line = bed.requests()[0];
  assert.deepEqual(
    [line?.['source'], line?.['type'], line?.['status'], line?.['reason'], line?.['eventId'], line?.['duplicate']],
    ['github', 'release.published', 202, 'accepted', first.json['id'], false],
  );
  assert.equal(bed.requests().length, 2);
});

test('an unverified request gets a 401 that names a header out of its form and tells nothing of a secret; the reason is in the log and the metric', async (t) => {
  const bed = await openIngestBed(t);
  const good = githubSignature(BODY);
  const missing = 'x-hub-signature-256: expected a signature, got nothing';
  const malformed = "x-hub-signature-256: expected a signature in the source's form, got something else";
  const cases: readonly [string, Record<string, string>, string | undefined][] = [
    ['no_signature', {}, missing],
    ['no_signature', { 'x-hub-signature-256': '' }, missing],
    ['malformed_signature', { 'x-hub-signature-256': good.slice(0, 20) }, malformed],
    ['malformed_signature', { 'x-hub-signature-256': `sha256=${good.slice(7).toUpperCase()}` }, malformed],
    ['wrong_signature', { 'x-hub-signature-256': githubSignature(BODY, 'another secret') }, undefined],
    ['wrong_signature', { 'x-hub-signature-256': githubSignature(`${BODY} `) }, undefined],
  ];
  for (const [reason, headers, told] of cases) {
    const answer = await post(bed.url, BODY, {
      'content-type': 'application/json',
      'x-github-event': 'release',
      'x-github-delivery': 'd-1',
      ...headers,
    });
    assert.equal(answer.status, 401, reason);
    assert.equal(bed.requests().at(-1)?.['reason'], reason);
    const { code, detail, errors } = answer.json as { code: string; detail?: string; errors?: { header: string }[] };
    assert.deepEqual([code, detail, errors?.[0]?.header], ['unauthenticated', told, told && 'x-hub-signature-256']);
    assert.match(await bed.registry.metrics(), new RegExp(`visapi_ingest_rejected_total\\{source="github",reason="${reason}"\\}`));
  }
  assert.equal(bed.published.length, 0);
});

test('Standard Webhooks: a signed one is taken, an old one is not, and its time is its own', async (t) => {
  const nowMs = 1_700_000_000_000;
  const bed = await openIngestBed(t, {
    now: () => nowMs,
    sources: [{ name: 'shop', preset: 'standard-webhooks', secrets: [{ value: WHSEC }], key: 'data.id' }],
  });
  const body = '{"type":"order.paid","data":{"id":"o-1"}}';
  const send = (seconds: number) => {
    const headers = { 'webhook-id': `msg_${seconds}`, 'webhook-timestamp': String(seconds) };
    const signature = sign(PRESETS['standard-webhooks'].scheme, new Secret(WHSEC), headersFromRecord(headers), Buffer.from(body));
    return post(
      bed.url,
      body,
      { ...headers, 'webhook-signature': signature, 'content-type': 'application/json; charset=utf-8' },
      '/hooks/shop',
    );
  };
  assert.equal((await send(nowMs / 1000)).status, 202);
  const [message] = bed.published;
  assert.equal(message?.key, 'o-1');
  assert.match(message?.subject ?? '', /^events\.default\.\d+\.shop\.order\.paid$/);
  assert.equal(message?.headers['ce-time'], '2023-11-14T22:13:20.000Z');
  assert.equal((await send(nowMs / 1000 - 301)).status, 401);
  assert.equal(bed.requests().at(-1)?.['reason'], 'too_old');
});

test('the message carries the event as CloudEvents say, and goes on with the trace', async (t) => {
  const bed = await openIngestBed(t, { now: () => 1_700_000_000_000 });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await post(bed.url, BODY, { ...githubHeaders(BODY, 'd-1'), traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  const [message] = bed.published;
  assert.match(message?.headers['traceparent'] ?? '', new RegExp(`^00-${traceId}-`));
  assert.deepEqual(
    { ...message?.headers, traceparent: '' },
    {
      'Vis-Received': '2023-11-14T22:13:20.000Z',
      'Vis-Schema': '1',
      traceparent: '',
      datacontenttype: 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'd-1',
      'ce-source': 'github',
      'ce-type': 'release.published',
    },
  );
});

test('what is wrong with a request is a problem with a stable code', async (t) => {
  const bed = await openIngestBed(t, { limits: { bodyBytes: 2_000 } });
  const signed = (body: string, headers: Record<string, string> = {}) => post(bed.url, body, { ...githubHeaders(body, 'd-1'), ...headers });
  const cases: readonly [number, string, () => ReturnType<typeof post>][] = [
    [400, 'invalid_json', () => signed('{')],
    [400, 'invalid_json', () => signed('')],
    [400, 'invalid_header', () => signed(BODY, { 'x-github-delivery': 'a.b' })],
    [400, 'invalid_header', () => signed(BODY, { 'x-github-delivery': 'a'.repeat(10_000) })],
    [404, 'not_found', () => post(bed.url, BODY, {}, '/hooks/nobody')],
    [404, 'not_found', () => post(bed.url, BODY, {}, '/elsewhere')],
    [413, 'too_large', () => signed(JSON.stringify('x'.repeat(3_000)))],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-type': 'text/plain' })],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-type': 'application/json; charset=utf-16' })],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-type': 'application/json\ta' })],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-type': 'application/jsonx' })],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-type': 'application/x-www-form-urlencoded' })],
    [415, 'unsupported_media_type', () => signed(BODY, { 'content-encoding': 'gzip' })],
  ];
  for (const [status, code, send] of cases) {
    const { json, headers, ...rest } = await send();
    assert.deepEqual([rest.status, json['code'], json['status']], [status, code, status]);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.doesNotMatch(JSON.stringify(json), /\.ts:|node_modules|\bat \S+ \(/);
  }
  const wrongMethod = await fetch(`${bed.url}/hooks/github`, { method: 'PUT' });
  assert.deepEqual([wrongMethod.status, wrongMethod.headers.get('allow')], [405, 'POST']);
  assert.equal(bed.published.length, 0);
});

test('a body is signed and kept as it came, whatever a parser would make of it', async (t) => {
  const bed = await openIngestBed(t);
  for (const body of [
    '\uFEFF{"a":1}',
    '{"a":1,\r\n "a":2}',
    '{"n":12345678901234567890,"m":1e400}',
    '{"t":"\\u0000\\ud800"}',
    'null',
    '{"__proto__":{}}',
    '['.repeat(10_000) + ']'.repeat(10_000),
  ]) {
    assert.equal((await post(bed.url, body, githubHeaders(body, 'd-1'))).status, 202, body);
    assert.deepEqual(Buffer.from(bed.published.at(-1)?.body ?? []), Buffer.from(body));
  }
});

test('20 planted secrets are in no log line', async (t) => {
  const bed = await openIngestBed(t, { limits: { bodyBytes: 2_000, headerBytes: 4_096 } });
  const planted = Array.from({ length: 20 }, (_, index) => `canary${index}-5f1d2c`);
  const [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = planted;
  const body = JSON.stringify({
    action: 'published',
    repository: { full_name: `${a}@mail.example` },
    token: b,
    user: { email: c, phone: d },
  });
  const headers = {
    ...githubHeaders(body, 'd-1'),
    authorization: `Bearer ${e}`,
    cookie: `session=${f}`,
    'x-api-key': g ?? '',
    'user-agent': h ?? '',
    referer: `http://x/${i}`,
  };
  assert.equal((await post(bed.url, body, headers, `/hooks/github?token=${j}`)).status, 202);
  await post(bed.url, body, { ...headers, 'x-hub-signature-256': `sha256=${k}` }, `/hooks/github?secret=${l}`);
  await post(bed.url, `{"broken": ${m}`, githubHeaders(`{"broken": ${m}`, 'd-2'));
  await post(bed.url, body, { ...headers, 'x-github-delivery': `${n}.` });
  await post(bed.url, body, headers, `/hooks/${o}`);
  await post(bed.url, body, headers, `/${p}?${q}`);
  await post(bed.url, body, { ...headers, 'content-type': `text/${r}` });
  await post(bed.url, body, { ...headers, 'x-long': (s ?? '').repeat(500) });
  await post(bed.url, JSON.stringify(planted[19]?.repeat(300)), headers);
  await post(bed.url, body, headers, `/hooks/%${planted[19]}`);
  const output = bed.lines.join('') + (await bed.registry.metrics());
  for (const canary of [...planted, SECRET]) assert.ok(!output.includes(canary), canary);
  assert.ok(bed.requests().length >= 8);
});
