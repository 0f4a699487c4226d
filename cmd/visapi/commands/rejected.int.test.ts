import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { createSeal } from '../../../lib/core/seal.ts';
import { Secret } from '../../../lib/core/secret.ts';
import { openTestBed } from '../../../lib/dev/test-bed.ts';
import { connectBroker } from '../../../lib/jetstream/connection.ts';
import { createPublisher } from '../../../lib/jetstream/publisher.ts';
import { scanLog } from '../../../lib/jetstream/log-scan.ts';
import { applyStreams } from '../../../lib/jetstream/stream-plan.ts';
import { openDatabase } from '../../../lib/store/database.ts';
import { type RejectedRequest, writeRejected } from '../../../lib/webhook/rejected-request.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { type ReadmitAnswer, type ReadmitOutcome, type ReadmitRequest } from '../../../streams/readmission.ts';
import { READMIT_SUBJECT, rejectedSubject, STREAMS } from '../../../streams/subjects.ts';
import { createTestTool, type Ended } from '../test-tool.ts';

const KEY = randomBytes(32).toString('base64');
const NOON = Date.parse('2026-11-20T12:00:00.000Z');

const printed = <Value>({ stdout }: Ended): Value => JSON.parse(stdout) as Value;

/** The tool on a broker and a database of its own, with a REJECTED that the test fills. */
async function openScene(t: TestContext) {
  const bed = await openTestBed(t);
  const connection = await connectBroker({ url: bed.natsUrl, name: 'test' });
  await applyStreams(
    connection,
    logStreams({ totalBytes: 256 * 1024 ** 2 }).filter(({ name }) => name === STREAMS.rejected),
  );
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(0);
    await connection.close();
  });
  const seal = createSeal(new Secret(KEY));
  const tool = createTestTool({ NATS_URL: bed.natsUrl, DATABASE_URL: bed.databaseUrl, VISAPI_SECRETS_KEY: KEY });
  return {
    bed,
    connection,
    /** Stores one; the first has the sequence 1. */
    async keep(request: Partial<RejectedRequest>): Promise<void> {
      const whole: RejectedRequest = {
        id: randomBytes(8).toString('hex'),
        source: 'github',
        reason: 'wrong_signature',
        receivedAtMs: NOON,
        number: 1,
        method: 'POST',
        path: '/hooks/github',
        rawHeaders: ['Content-Type', 'application/json'],
        remoteAddress: '127.0.0.1',
        body: Buffer.from('{"a":1}'),
        ...request,
      };
      const { id, source, reason } = whole;
      const emit = { id, key: id, subject: rejectedSubject(source, reason), ...writeRejected(whole, seal) };
      await publisher.publish(emit, AbortSignal.timeout(30_000));
    },
    async seqs(): Promise<number[]> {
      const seqs: number[] = [];
      for await (const chunk of scanLog(connection, { stream: STREAMS.rejected })) seqs.push(...chunk.map(({ seq }) => seq));
      return seqs;
    },
    tool,
    visapi: (words: readonly string[]) => tool.run('rejected', ...words),
  };
}

test('list counts by source and reason, then gives pages; a filter chooses by source, reason and first receipt', async (t) => {
  const { keep, visapi } = await openScene(t);
  const now = Date.now();
  for (const number of [1, 2, 3]) await keep({ number, receivedAtMs: now - 60_000 });
  await keep({ source: 'stripe', reason: 'too_old', receivedAtMs: now - 3 * 3_600_000, body: Buffer.alloc(1_000) });
  const all = printed<{ counts: object[]; requests: { seq: number }[] }>(await visapi(['list', '--limit', '2', '--json']));
  assert.partialDeepStrictEqual(all.counts, [
    { source: 'github', reason: 'wrong_signature', requests: 3, bytes: 21 },
    { source: 'stripe', reason: 'too_old', requests: 1, bytes: 1_000 },
  ]);
  assert.deepEqual(
    all.requests.map(({ seq }) => seq),
    [1, 2],
  );
  const page = await visapi(['list', '--limit', '2', '--after', '2', '--json']);
  assert.deepEqual(
    printed<typeof all>(page).requests.map(({ seq }) => seq),
    [3, 4],
  );
  const recent = printed<typeof all>(await visapi(['list', '--since', '1h', '--json']));
  assert.deepEqual([recent.counts.length, recent.requests.length], [1, 3]);
  assert.match((await visapi(['list', '--source', 'nobody'])).stdout, /No rejected request/);
  assert.equal((await visapi(['list', '--source', 'a.b'])).code, 2);
  const text = await visapi(['list', '--reason', 'too_old']);
  assert.match(text.stdout, /stripe .* too_old .* 1 .* 1000/);
});

test('show masks what may be a credential, and without the key tells what can be known', async (t) => {
  const { keep, visapi, tool } = await openScene(t);
  const rawHeaders = ['Host', 'a.example', 'AUTHORIZATION', 'Bearer hunter2hunter2hunter2', 'X-Our-Own', 'hunter2', 'X-Our-Own', 'hunter2'];
  await keep({ rawHeaders, path: '/hooks/github?token=hunter2&b', body: Buffer.from('{"ä":1}') });
  for (const words of [
    ['show', '1', '--json'],
    ['show', '1'],
  ])
    assert.doesNotMatch((await visapi(words)).stdout, /hunter2/);
  const shown = printed<Record<string, unknown>>(await visapi(['show', '1', '--json']));
  assert.deepEqual(shown['headers'], [
    ['Host', 'a.example'],
    ['AUTHORIZATION', 'Bear... (28 characters)'],
    ['X-Our-Own', '(7 characters)'],
    ['X-Our-Own', '(7 characters)'],
  ]);
  assert.deepEqual(
    [shown['path'], shown['payload'], shown['receivedAt']],
    ['/hooks/github?token=...&b', { text: '{"ä":1}' }, '2026-11-20T12:00:00.000Z'],
  );
  assert.equal((await visapi(['show', '7'])).code, 3);
  tool.env['VISAPI_SECRETS_KEY'] = randomBytes(32).toString('base64');
  const other = await tool.spawn('rejected', 'show', '1');
  assert.equal(other.code, 0);
  assert.match(other.stdout, /cannot be opened/);
  assert.match(other.stdout, /\{"ä":1\}/);
});

test('readmit asks one ingest, in the order of receipt, and removes what became an event and nothing else', async (t) => {
  const { keep, visapi, connection, seqs } = await openScene(t);
  // Stored in another order than received, as several writers and a broker that was away make it.
  for (let number = 1; number <= 250; number += 1) await keep({ receivedAtMs: NOON - Math.floor(number / 2), number: 1_000 - number });
  await keep({ source: 'stripe' });
  const asked: { subject: string; request: ReadmitRequest }[] = [];
  const outcomeOf = (seq: number): ReadmitOutcome => (seq % 5 === 0 ? 'refused' : seq % 5 === 1 ? 'duplicate' : 'admitted');
  for (const subject of [READMIT_SUBJECT, 'the.session'])
    connection.nats.subscribe(subject, {
      callback: (_error, message) => {
        const request = message.json<ReadmitRequest>();
        asked.push({ subject, request });
        const results = request.seqs.map((seq) => ({ seq, outcome: request.isDryRun ? ('admissible' as const) : outcomeOf(seq) }));
        message.respond(JSON.stringify({ session: 'the.session', results } satisfies ReadmitAnswer));
      },
    });
  const dry = await visapi(['readmit', '--source', 'github', '--dry-run', '--json']);
  assert.deepEqual(printed<{ counts: unknown }>(dry).counts, [{ outcome: 'admissible', because: null, requests: 250 }]);
  assert.equal((await seqs()).length, 251);
  asked.length = 0;
  const done = await visapi(['readmit', '--source', 'github', '--json']);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(
    asked.map(({ subject }) => subject),
    [READMIT_SUBJECT, 'the.session'],
  );
  assert.deepEqual(
    asked.flatMap(({ request }) => request.seqs),
    Array.from({ length: 250 }, (_, index) => 250 - index),
  );
  assert.deepEqual(
    await seqs(),
    Array.from({ length: 251 }, (_, index) => index + 1).filter((seq) => seq % 5 === 0 || seq === 251),
  );
});

test('without an ingest readmit says what to start; one that cannot accept is told, and nothing is removed', async (t) => {
  const { keep, visapi, connection, seqs } = await openScene(t);
  await keep({});
  const alone = await visapi(['readmit', '--source', 'github']);
  assert.deepEqual([alone.code, alone.stdout], [4, '']);
  assert.match(alone.stderr, /expected an ingest that runs, got none .*\(npm start\)/);
  assert.equal((await visapi(['readmit'])).code, 2);
  connection.nats.subscribe(READMIT_SUBJECT, {
    callback: (_error, message) => {
      const answer: ReadmitAnswer = { session: 'x', error: { code: 'not_accepting', message: 'the journal is full' } };
      message.respond(JSON.stringify(answer));
    },
  });
  const refused = await visapi(['readmit', '--source', 'github']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /after 0 of 1: the journal is full \(not_accepting\); run it again/);
  assert.deepEqual(await seqs(), [1]);
});

test('discard needs a reason, writes it down, and removes what was chosen and nothing else', async (t) => {
  const { bed, keep, visapi, seqs } = await openScene(t);
  for (const source of ['github', 'github', 'stripe', 'github']) await keep({ source });
  await keep({ reason: 'too_old', receivedAtMs: Date.now() });
  assert.equal((await visapi(['discard', '1'])).code, 2);
  assert.equal((await visapi(['discard', '--because', 'x'])).code, 2);
  assert.equal((await visapi(['discard', '1', '99', '--because', 'x'])).code, 3);
  assert.deepEqual(await seqs(), [1, 2, 3, 4, 5], 'one that is not there: nothing is removed');
  assert.equal((await visapi(['discard', '1', '--because', 'a scanner'])).code, 0);
  assert.deepEqual(await seqs(), [2, 3, 4, 5]);
  const recent = await visapi(['discard', '--source', 'github', '--since', '1h', '--because', 'late', '--json']);
  assert.equal(printed<{ removed: number }>(recent).removed, 1);
  const rest = await visapi(['discard', '--source', 'github', '--because', 'not theirs', '--json']);
  assert.equal(printed<{ removed: number }>(rest).removed, 2);
  assert.deepEqual(await seqs(), [3]);
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'test', allowUnsafe: true });
  t.after(() => database.close());
  const acts = await database.tables.selectFrom('audit_log').select(['action', 'target', 'detail']).orderBy('id').execute();
  assert.partialDeepStrictEqual(acts, [
    { action: 'rejected.discard', target: '1', detail: { because: 'a scanner', requests: 1 } },
    { action: 'rejected.discard', target: 'github', detail: { because: 'late', requests: 1 } },
    { action: 'rejected.discard', target: 'github', detail: { because: 'not theirs', requests: 2 } },
  ]);
});
