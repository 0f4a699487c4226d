import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { AppError } from '../../lib/core/app-error.ts';
import { githubHeaders, githubSignature, openIngestBed } from './ingest-bed.ts';
import { patience } from '../../lib/dev/test-scale.ts';

const BODY = '{"action":"published"}';

/** Sends the pieces one after another, and reads until `count` answers have come or the server closes. */
async function exchange(t: TestContext, port: number, pieces: readonly string[], count: number, isHalfClosed = false): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece);
    // A turn of the loop each, so that each is read for itself.
    if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  if (isHalfClosed) socket.end();
  let text = '';
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    text += bytes.toString();
    if (readAnswers(text).length >= count) break;
  }
  return text;
}

interface Answer {
  readonly status: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function readAnswers(text: string): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) break;
    const [status = '', ...lines] = text.slice(at, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    );
    const length = Number(headers['content-length'] ?? 0);
    if (text.length < end + 4 + length) break;
    answers.push({ status, headers, body: text.slice(end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return answers;
}

function request(id: string, body = BODY, changes: Readonly<Record<string, string>> = {}, path = '/hooks/github'): string {
  const headers = { host: 'x', 'content-length': String(Buffer.byteLength(body)), ...githubHeaders(body, id), ...changes };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Counts what Node's own parser made a request of: what the lane answered is not among it. */
function countServerRequests(t: TestContext): () => number {
  let count = 0;
  const onStart = () => void (count += 1);
  subscribe('http.server.request.start', onStart);
  t.after(() => unsubscribe('http.server.request.start', onStart));
  return () => count;
}

/** A header that the lane does not read for anybody. */
const PAST_THE_LANE = { te: 'trailers' };

const CASES: readonly (readonly [name: string, isTaken: boolean, request: (past: Readonly<Record<string, string>>) => string])[] = [
  ['a genuine one', true, (past) => request('d-1', BODY, past)],
  ['a genuine one again', true, (past) => request('d-1', BODY, past)],
  ['one that cannot be stored', true, (past) => request('d-503', BODY, past)],
  ['a forged one', false, (past) => request('d-2', BODY, { ...past, 'x-hub-signature-256': githubSignature(BODY, 'another') })],
  ['one that is not JSON', false, (past) => request('d-3', '{"a":', past)],
  ['one of another type', false, (past) => request('d-4', BODY, { ...past, 'content-type': 'text/plain' })],
  ['one without a source', false, (past) => request('d-5', BODY, past, '/hooks/nobody')],
  ['one with an id that is none', false, (past) => request('d 6', BODY, past)],
];

for (const [name, isTaken, make] of CASES)
  test(`${name} has the same answer, line and counts by the lane as by the server`, async (t) => {
    const seen: unknown[] = [];
    for (const past of [{}, PAST_THE_LANE]) {
      const countRequests = countServerRequests(t);
      const known = new Set<string>(['d-1 again']);
      const bed = await openIngestBed(t, {
        acceptor: {
          accept([event]) {
            const id = event?.providerId ?? '';
            if (id === 'd-503') return Promise.reject(new AppError('not_accepting', 'the disk is full', { retryAfterSeconds: 5 }));
            const duplicate = known.has(id) || name.endsWith('again');
            known.add(id);
            return Promise.resolve([{ duplicate }]);
          },
        },
      });
      const [answer] = readAnswers(await exchange(t, bed.port, [make(past)], 1));
      assert.equal(countRequests(), isTaken && past !== PAST_THE_LANE ? 0 : 1);
      const { ms: _ms, time: _time, traceId: _traceId, err: _err, ...line } = bed.requests()[0] ?? {};
      const { date: _date, ...headers } = answer?.headers ?? {};
      const counts = (await bed.registry.metrics())
        .split('\n')
        .filter((text) => /^(visapi_ingest_(requests|accepted|rejected)|http_request\w+count)/.test(text));
      seen.push({ status: answer?.status, headers, body: answer?.body, line, counts, refused: bed.refused.length });
    }
    assert.deepEqual(seen[0], seen[1]);
  });

test('a request that comes in pieces is taken, wherever it is cut', async (t) => {
  const bed = await openIngestBed(t);
  for (let at = 5; at < request('d-00').length; at += 23) {
    const text = request(`d-${at}`);
    const [answer] = readAnswers(await exchange(t, bed.port, [text.slice(0, at), text.slice(at)], 1));
    assert.equal(answer?.status, 'HTTP/1.1 202 Accepted', `cut at ${at}`);
  }
});

test('what comes before its turn is answered in its order, also where the lane cannot take the next', async (t) => {
  const bed = await openIngestBed(t);
  const all = [
    request('d-1'),
    request('d-2'),
    request('d-3', BODY, PAST_THE_LANE),
    request('d-4'),
    request('d-5', BODY, { 'x-hub-signature-256': '' }),
  ];
  const answers = readAnswers(await exchange(t, bed.port, [all.join('')], all.length));
  assert.deepEqual(
    answers.map(({ status }) => status.slice(9, 12)),
    ['202', '202', '202', '202', '401'],
  );
  assert.deepEqual(
    bed.published.map(({ headers }) => headers['ce-id']),
    ['d-1', 'd-2', 'd-3', 'd-4'],
  );
});

test('a peer that ends its side gets the answer to what it sent whole, and 400 for what it cut', async (t) => {
  const bed = await openIngestBed(t);
  assert.match(await exchange(t, bed.port, [request('d-1')], 1, true), /^HTTP\/1\.1 202 /);
  assert.match(await exchange(t, bed.port, [request('d-2').slice(0, -3)], 1, true), /^HTTP\/1\.1 400 /);
  assert.equal(bed.published.length, 1);
});

test('a body that stands still is answered for by the server, in its time', async (t) => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 400, checkIntervalMs: 50 };
  const bed = await openIngestBed(t, { limits });
  const began = performance.now();
  assert.match(await exchange(t, bed.port, [request('d-1').slice(0, -3)], 1), /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - began < patience(1_000));
});

test('a connection that is silent between two requests is closed after its time', async (t) => {
  const bed = await openIngestBed(t, { limits: { keepAliveTimeoutMs: 100, checkIntervalMs: 20 } });
  const began = performance.now();
  assert.equal(readAnswers(await exchange(t, bed.port, [request('d-1')], 2)).length, 1);
  const waitedMs = performance.now() - began;
  assert.ok(waitedMs > 90 && waitedMs < patience(1_000), `closed after ${waitedMs} ms`);
});
