import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import { bearer } from './events/test-keys.ts';
import { githubHeaders, openIngestBed, post } from './ingest-bed.ts';

const BODY = '{"action":"published"}';
/** Small, so that the tests are short; what is tested is that each limit is in force. */
const SHORT = { headersTimeoutMs: 300, requestTimeoutMs: 400, checkIntervalMs: 50, connectionTimeoutMs: 2_000 };

async function dial(t: TestContext, port: number): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  const answer = once(socket, 'close').then(() => text);
  await once(socket, 'connect');
  return { socket, answer };
}

function request(body: string, extra: Record<string, string> = {}): string {
  const headers = {
    host: 'x',
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...githubHeaders(body, 'd-1'),
    ...extra,
  };
  return `POST /hooks/github HTTP/1.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${body}`;
}

test('a raw request is answered', async (t) => {
  const bed = await openIngestBed(t);
  const { socket, answer } = await dial(t, bed.port);
  socket.write(request(BODY));
  assert.match(await answer, /^HTTP\/1\.1 202 /);
});

test('headers that take too long end the connection', async (t) => {
  const bed = await openIngestBed(t, { limits: SHORT });
  const { socket, answer } = await dial(t, bed.port);
  socket.write('POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const text = await answer;
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.match(text, /"code":"timeout"/);
});

test('a body that takes too long ends the connection', async (t) => {
  const bed = await openIngestBed(t, { limits: SHORT });
  const { socket, answer } = await dial(t, bed.port);
  socket.write(request(BODY).slice(0, -5));
  assert.match(await answer, /^HTTP\/1\.1 408 /);
  assert.equal(bed.published.length, 0);
});

test('headers that are too large are refused', async (t) => {
  const bed = await openIngestBed(t);
  const { socket, answer } = await dial(t, bed.port);
  socket.write(request(BODY, { 'x-large': 'x'.repeat(20_000) }));
  assert.match(await answer, /^HTTP\/1\.1 431 /);
});

test('a body that is announced as too large is refused before it is sent', async (t) => {
  const bed = await openIngestBed(t);
  const { socket, answer } = await dial(t, bed.port);
  socket.write(request('', { 'content-length': '2000000' }));
  assert.match(await answer, /^HTTP\/1\.1 413 /);
});

test('a chunked body that grows too large is refused', async (t) => {
  const bed = await openIngestBed(t, { limits: { bodyBytes: 1_000 } });
  const { socket, answer } = await dial(t, bed.port);
  const head = request('', { 'transfer-encoding': 'chunked' }).replace(/content-length: 0\r\n/, '');
  socket.write(`${head}800\r\n${'x'.repeat(2_048)}\r\n`);
  assert.match(await answer, /^HTTP\/1\.1 413 /);
});

const smuggled: readonly [string, string][] = [
  ['a length and chunks at once', request(BODY, { 'transfer-encoding': 'chunked' })],
  ['two lengths', request(BODY).replace('content-length: 22', 'content-length: 22\r\ncontent-length: 23')],
  ['a length with a sign', request(BODY, { 'content-length': '+22' })],
  ['a blank before the colon', request(BODY).replace('host: x', 'host : x')],
  ['a folded header', request(BODY).replace('host: x', 'host: x\r\n folded')],
  ['a bare line feed', request(BODY).replace('host: x\r\n', 'host: x\n')],
  ['no host', request(BODY).replace('host: x\r\n', '')],
  ['an unknown transfer coding', request(BODY, { 'transfer-encoding': 'xchunked' }).replace('content-length: 22\r\n', '')],
];
for (const [name, text] of smuggled) {
  test(`a request with ${name} is refused, and nothing is taken`, async (t) => {
    const bed = await openIngestBed(t);
    const { socket, answer } = await dial(t, bed.port);
    socket.write(text);
    assert.match(await answer, /^HTTP\/1\.1 (400|501) /);
    assert.equal(bed.published.length, 0);
  });
}

test('a header of ours that is sent twice is refused', async (t) => {
  const bed = await openIngestBed(t);
  const { socket, answer } = await dial(t, bed.port);
  const text = request(BODY);
  const line = /x-hub-signature-256: .*\r\n/.exec(text)?.[0] ?? '';
  socket.write(text.replace(line, line + line));
  assert.match(await answer, /^HTTP\/1\.1 401 /);
  assert.equal(bed.requests().at(-1)?.['reason'], 'duplicate_header');
});

test('a connection is asked to end after its number of requests, and gets no more', async (t) => {
  const bed = await openIngestBed(t, { limits: { requestsPerSocket: 2, keepAliveTimeoutMs: 100 } });
  const { socket, answer } = await dial(t, bed.port);
  const keepAlive = request(BODY, { connection: 'keep-alive' });
  socket.write(keepAlive + keepAlive + keepAlive);
  const text = await answer;
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+|Connection: [a-z-]+/g), [
    'HTTP/1.1 202',
    'Connection: keep-alive',
    'HTTP/1.1 202',
    'Connection: close',
  ]);
  assert.equal(bed.published.length, 2);
});

test('a handler that does not answer in time is answered for: 503 with Retry-After, on both doors', async (t) => {
  const never = { accept: () => new Promise<never>(() => undefined) };
  const bed = await openIngestBed(t, { acceptor: never, limits: { handlerTimeoutMs: 200 } });
  const event = '{"specversion":"1.0","id":"1","source":"/a","type":"t"}';
  for (const answer of [
    await post(bed.url, BODY, githubHeaders(BODY, 'd-1')),
    await post(bed.url, event, { ...bearer(), 'content-type': 'application/cloudevents+json' }, '/v1/events'),
  ]) {
    assert.deepEqual([answer.status, answer.json['code'], answer.headers.get('retry-after')], [503, 'not_accepting', '5']);
    assert.equal(bed.requests().at(-1)?.['status'], 503);
  }
});

test('the limit of the answer does not begin before the whole request is there', async (t) => {
  const bed = await openIngestBed(t, { limits: { handlerTimeoutMs: 600 } });
  const { socket, answer } = await dial(t, bed.port);
  const text = request(BODY);
  socket.write(text.slice(0, -5));
  await delay(900);
  socket.write(text.slice(-5));
  assert.match(await answer, /^HTTP\/1\.1 202 /);
});

for (const name of ['host', 'content-type', 'authorization', 'idempotency-key', 'content-encoding'])
  test(`${name} sent twice is refused, by its name`, async (t) => {
    const bed = await openIngestBed(t);
    const { socket, answer } = await dial(t, bed.port);
    socket.write(request(BODY, { [name]: 'a' }).replace(`${name}: a\r\n`, `${name}: a\r\n${name}: b\r\n`));
    const text = await answer;
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.match(text, new RegExp(`"code":"invalid_header".*"header":"${name}"`));
    assert.equal(bed.published.length, 0);
  });

test('the limits in force are those that are written down', () => {
  const { headersTimeoutMs, requestTimeoutMs, connectionTimeoutMs, keepAliveTimeoutMs, checkIntervalMs, handlerTimeoutMs } =
    DEFAULT_EDGE_LIMITS;
  assert.deepEqual([headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, handlerTimeoutMs], [10_000, 15_000, 65_000, 2_500]);
  // Node closes a connection without a word at the last of these: before it a request has to have its answer.
  assert.ok(headersTimeoutMs < requestTimeoutMs && requestTimeoutMs + checkIntervalMs + handlerTimeoutMs < connectionTimeoutMs);
});
