import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { HEADERS } from '../../lib/core/headers.ts';
import { createSeal } from '../../lib/core/seal.ts';
import { Secret } from '../../lib/core/secret.ts';
import type { Broker } from '../../lib/dev/broker.ts';
import { poll } from '../../lib/dev/poll.ts';
import { openOwnBroker, openTestAccount } from '../../lib/dev/test-bed.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { readBounds, readStored } from '../../lib/jetstream/log-reader.ts';
import { scanLog, type ScannedMessage } from '../../lib/jetstream/log-scan.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { rejectedMetrics } from '../../lib/telemetry/door-metrics.ts';
import { createRegistry } from '../../lib/telemetry/metrics.ts';
import { readRejected } from '../../lib/webhook/rejected-request.ts';
import { compileSource, parseSourceDocument } from '../../lib/webhook/source.ts';
import { logStreams } from '../../streams/log-streams.ts';
import type { ReadmitAnswer, ReadmitRequest } from '../../streams/readmission.ts';
import { READMIT_SUBJECT, STREAMS } from '../../streams/subjects.ts';
import { createLogAcceptor } from './acceptor.ts';
import { testKeyRing } from './events/test-keys.ts';
import { githubHeaders, githubSignature, post, SECRET } from './ingest-bed.ts';
import { startIngestServer } from './ingest.ts';
import { startReadmission } from './rejected-readmission.ts';
import { createRejectedStore } from './rejected-store.ts';
import { patience } from '../../lib/dev/test-scale.ts';

const BODY = '{"action":"published","repository":{"full_name":"octo/demo"}}';

interface BedOptions {
  /** (Default: another one than the sender's) */
  readonly secret?: string;
  readonly preset?: string;
  /** Of the stream REJECTED, in bytes. */
  readonly maxBytes?: number;
  readonly ratePerSecond?: number;
  readonly burst?: number;
  /** (Default: the store's own) */
  readonly maxHeld?: number;
  /** A broker that it may freeze. (Default: the account of one that all tests share) */
  readonly broker?: Broker;
}

/** A door whose secret can be changed. */
async function openBed(t: TestContext, options: BedOptions = {}) {
  const { secret = 'another secret', preset = 'github', maxBytes, ratePerSecond = 100_000, burst = 100_000, maxHeld = 2_000 } = options;
  const connection = await connectBroker({ url: options.broker?.url ?? (await openTestAccount()), name: 'test' });
  const streams = logStreams({ totalBytes: 256 * 1024 ** 2 }).filter(({ name }) => name === STREAMS.events || name === STREAMS.rejected);
  await applyStreams(
    connection,
    streams.map((stream) => (stream.name === STREAMS.rejected && maxBytes !== undefined ? { ...stream, max_bytes: maxBytes } : stream)),
  );
  const compiled = (value: string) => compileSource(parseSourceDocument({ name: 'github', preset }), [{ value: new Secret(value) }]);
  let source = compiled(secret);
  let nowMs: number | undefined;
  const publisher = createPublisher(connection);
  const registry = createRegistry({ program: 'ingest', version: '0', env: 'development' });
  const metrics = rejectedMetrics(registry);
  const seal = createSeal(new Secret(randomBytes(32).toString('base64')));
  const rejected = createRejectedStore({ broker: publisher, seal, metrics, ratePerSecond, burst, maxHeld });
  const acceptor = createLogAcceptor(publisher);
  const settings: Parameters<typeof startReadmission>[0]['settings'] = {
    findSource: (name) => (name === source.name ? source : undefined),
    isUndecided: (name) => name === 'undecided',
  };
  const log = createLog({ program: 'ingest', env: 'development', version: '0', level: 'fatal' });
  const link = { connection, onChange: () => () => undefined };
  const readmission = startReadmission({ link, settings, acceptor, seal, metrics, log });
  const server = await startIngestServer({
    host: '127.0.0.1',
    port: 0,
    limits: DEFAULT_EDGE_LIMITS,
    settings: { ...settings, keys: testKeyRing(), state: { kind: 'current' } },
    acceptor,
    rejected,
    log,
    registry,
    now: () => nowMs ?? Date.now(),
  });
  t.after(async () => {
    await server.stop();
    await readmission.stop();
    await rejected.stop(0);
    await publisher.stop(0);
    await connection.close();
  });
  const scan = async (stream: string): Promise<ScannedMessage[]> => {
    const messages: ScannedMessage[] = [];
    for await (const chunk of scanLog(connection, { stream })) messages.push(...chunk);
    return messages;
  };
  return {
    connection,
    registry,
    rejected,
    seal,
    url: server.url,
    post: (body: string, headers: Record<string, string>) => post(server.url, body, headers),
    mend: (value: string) => (source = compiled(value)),
    setClock: (ms: number) => (nowMs = ms),
    kept: () => scan(STREAMS.rejected),
    events: () => scan(STREAMS.events),
    /** Everything that was refused so far is stored, or dropped. */
    allKept: () => poll(() => (rejected.held === 0 ? true : undefined), { deadlineMs: 30_000, what: 'the kept requests' }),
    async readmit(seqs: readonly number[], isDryRun = false) {
      const request: ReadmitRequest = { seqs: [...seqs], isDryRun };
      const answer = await connection.nats.request(READMIT_SUBJECT, JSON.stringify(request), { timeout: 10_000 });
      return answer.json<ReadmitAnswer>();
    },
  };
}

type Bed = Awaited<ReturnType<typeof openBed>>;

async function outcomes(bed: Bed, seqs: readonly number[], isDryRun = false): Promise<string[]> {
  const answer = await bed.readmit(seqs, isDryRun);
  return 'error' in answer ? [answer.error.code] : answer.results.map(({ outcome, because = '' }) => `${outcome} ${because}`.trim());
}

test('a request that cannot be verified is kept whole, its headers sealed; one to no source, or with a body of another type, is not', async (t) => {
  const bed = await openBed(t);
  const headers = { ...githubHeaders(BODY, 'd-1'), authorization: 'Bearer hunter2' };
  assert.equal((await bed.post(BODY, headers)).status, 401);
  assert.equal((await post(bed.url, BODY, headers, '/hooks/nobody')).status, 404);
  assert.equal((await bed.post(BODY, { ...headers, 'content-type': 'text/plain' })).status, 415);
  await bed.allKept();
  const kept = await bed.kept();
  assert.deepEqual(
    kept.map(({ subject }) => subject),
    ['rejected.github.wrong_signature'],
  );
  const stored = await readStored(bed.connection, STREAMS.rejected, 1);
  assert.ok(stored !== undefined);
  assert.equal(Buffer.from(stored.body).toString(), BODY);
  assert.doesNotMatch(JSON.stringify(stored.headers), /hunter2/);
  const request = readRejected({ source: 'github', headers: stored.headers, body: stored.body }, bed.seal);
  assert.deepEqual([request.method, request.path, request.remoteAddress], ['POST', '/hooks/github', '127.0.0.1']);
  assert.equal(request.rawHeaders[request.rawHeaders.indexOf('authorization') + 1], 'Bearer hunter2');
  assert.equal(stored.headers[HEADERS.received], new Date(request.receivedAtMs).toISOString());
});

test('once the secret is right a kept request is an event with the time of its first receipt; a forged one stays refused; twice is nothing', async (t) => {
  const bed = await openBed(t);
  const first = Date.parse('2026-11-20T08:00:00.000Z');
  const forged = { ...githubHeaders(BODY, 'd-2'), 'x-hub-signature-256': githubSignature(BODY, 'a stranger') };
  for (const [index, headers] of [githubHeaders(BODY, 'd-1'), forged, githubHeaders(BODY, 'd-3')].entries()) {
    bed.setClock(first + index);
    await bed.post(BODY, headers);
  }
  await bed.allKept();
  assert.deepEqual(await outcomes(bed, [1, 2, 3]), ['refused wrong_signature', 'refused wrong_signature', 'refused wrong_signature']);
  bed.mend(SECRET);
  assert.deepEqual(await outcomes(bed, [1, 2, 3], true), ['admissible', 'refused wrong_signature', 'admissible']);
  assert.equal((await bed.events()).length, 0);
  assert.deepEqual(await outcomes(bed, [1, 2, 3, 99]), ['admitted', 'refused wrong_signature', 'admitted', 'gone']);
  const events = await bed.events();
  assert.deepEqual(
    events.map((event) => [event.header(HEADERS.ceId), event.header(HEADERS.key), event.header(HEADERS.received)]),
    [
      ['d-1', 'octo/demo', '2026-11-20T08:00:00.000Z'],
      ['d-3', 'octo/demo', '2026-11-20T08:00:00.002Z'],
    ],
  );
  assert.deepEqual(await outcomes(bed, [1, 2, 3]), ['duplicate', 'refused wrong_signature', 'duplicate']);
  const again = await bed.post(BODY, githubHeaders(BODY, 'd-3'));
  assert.deepEqual([again.status, again.json['duplicate']], [202, true], "the provider's own retry is the same event");
  assert.equal((await bed.events()).length, 2);
});

test('a signed time is measured from the first receipt, so a day later it is still in time, and one that was late stays late', async (t) => {
  const bed = await openBed(t, { preset: 'stripe', secret: 'whsec_wrong' });
  const { createHmac } = await import('node:crypto');
  const receivedAt = Date.now() - 86_400_000;
  const body = '{"id":"evt_1","type":"charge.succeeded","data":{"object":{}}}';
  const signed = (seconds: number, text: string) =>
    `t=${seconds},v1=${createHmac('sha256', 'whsec_right').update(`${seconds}.${text}`).digest('hex')}`;
  bed.setClock(receivedAt);
  for (const [age, text] of [
    [0, body],
    [3_600, body.replace('evt_1', 'evt_2')],
  ] as const)
    await bed.post(text, {
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': signed(Math.floor(receivedAt / 1_000) - age, text),
    });
  await bed.allKept();
  bed.mend('whsec_right');
  assert.deepEqual(await outcomes(bed, [1, 2]), ['admitted', 'refused too_old']);
});

test('a request without an id of its provider becomes one event however often it is readmitted', async (t) => {
  const bed = await openBed(t);
  const { 'x-github-delivery': _none, ...headers } = githubHeaders(BODY, '');
  await bed.post(BODY, headers);
  await bed.post(BODY, headers);
  await bed.allKept();
  bed.mend(SECRET);
  assert.deepEqual(await outcomes(bed, [1, 2]), ['admitted', 'admitted'], 'two requests are two events: nobody said that they are one');
  assert.deepEqual(await outcomes(bed, [1, 2]), ['duplicate', 'duplicate']);
  assert.equal((await bed.events()).length, 2);
});

test('genuine and no event, sealed with another key, of a removed source: each is told, and the others are admitted', async (t) => {
  const bed = await openBed(t);
  await bed.post('{"not": json', githubHeaders('{"not": json', 'd-1'));
  await bed.post(BODY, githubHeaders(BODY, 'not plain!'));
  await bed.post(BODY, githubHeaders(BODY, 'd-3'));
  await bed.allKept();
  const stored = await readStored(bed.connection, STREAMS.rejected, 3);
  const publisher = createPublisher(bed.connection);
  t.after(() => publisher.stop(0));
  for (const subject of ['rejected.nobody.wrong_signature', 'rejected.github.wrong_signature', 'rejected.undecided.wrong_signature'])
    await publisher.publish(
      { id: subject, key: 'k', subject, headers: stored?.headers ?? {}, body: Buffer.from(BODY) },
      AbortSignal.timeout(30_000),
    );
  bed.mend(SECRET);
  assert.deepEqual(await outcomes(bed, [1, 2, 3, 4, 5]), [
    'unusable invalid_json',
    'unusable invalid_header',
    'admitted',
    'no-source',
    'unreadable cannot_unseal',
  ]);
  assert.deepEqual(await outcomes(bed, [3, 6]), ['not_accepting'], 'nobody is refused while it is not known who he is');
  assert.deepEqual(
    await bed.readmit(Array.from({ length: 201 }, () => 1)).then((answer) => 'error' in answer && answer.error.code),
    'bad_request',
  );
});

test('a full REJECTED loses its oldest, and the stream of the events does not notice', async (t) => {
  const bed = await openBed(t, { maxBytes: 64 * 1024 });
  const body = JSON.stringify({ action: 'published', filler: 'x'.repeat(8_000) });
  for (let number = 1; number <= 20; number += 1) await bed.post(body, githubHeaders(body, `d-${number}`));
  await bed.allKept();
  const bounds = await readBounds(bed.connection, STREAMS.rejected);
  assert.equal(bounds.lastSeq, 20);
  assert.ok(bounds.bytes <= 64 * 1024 && bounds.firstSeq > 10, JSON.stringify(bounds));
});

test('a source over its rate is answered as before; what is over is counted and not kept', async (t) => {
  const bed = await openBed(t, { ratePerSecond: 0.01, burst: 5 });
  for (let number = 1; number <= 30; number += 1) assert.equal((await bed.post(BODY, githubHeaders(BODY, `d-${number}`))).status, 401);
  await bed.allKept();
  assert.equal((await bed.kept()).length, 5);
  assert.match(await bed.registry.metrics(), /visapi_rejected_dropped_total\{source="github",cause="rate"\} 25/);
});

test('while the broker is away a 401 comes as fast as ever and the memory is bounded; what was held is stored when it is back', async (t) => {
  const broker = await openOwnBroker(t);
  const bed = await openBed(t, { maxHeld: 200, broker });
  await bed.post(BODY, githubHeaders(BODY, 'd-0'));
  await bed.allKept();
  broker.freeze();
  const tookMs: number[] = [];
  for (let number = 0; number < 300; number += 1) {
    const startedAt = performance.now();
    assert.equal((await bed.post(BODY, githubHeaders(BODY, `d-${number}`))).status, 401);
    tookMs.push(performance.now() - startedAt);
  }
  // One that waited for the broker would take until the thaw.
  assert.ok(Math.max(...tookMs) < patience(1_000), `the slowest took ${Math.max(...tookMs)} ms`);
  assert.equal(bed.rejected.held, 200);
  assert.match(await bed.registry.metrics(), /visapi_rejected_dropped_total\{source="github",cause="full"\} 100/);
  broker.thaw();
  await bed.allKept();
  const { state } = await requestApi<{ state: { messages: number } }>(bed.connection, `$JS.API.STREAM.INFO.${STREAMS.rejected}`);
  assert.equal(state.messages, 1 + 200);
});
