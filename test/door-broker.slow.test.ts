import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Readiness } from '../lib/http/ops-server.ts';
import { createDoorSender } from '../lib/dev/door-sender.ts';
import { openDoorBed, type Ingest } from './door-bed.ts';
import { isReady, until } from './system-bed.ts';
import { patience } from '../lib/dev/test-scale.ts';

async function readiness({ opsUrl }: Ingest): Promise<Readiness & { status: number }> {
  const response = await fetch(`${opsUrl}/readyz`);
  return { status: response.status, ...((await response.json()) as Readiness) };
}

async function metric({ opsUrl }: Ingest, line: string): Promise<number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

test('ingest starts and accepts while the broker is away, and relays when it comes', async (t) => {
  const bed = await openDoorBed(t);
  const ingest = await bed.ingest('door');
  const known = ingest.program();
  await known.start();
  await until('ingest has heard of its source', () => isReady(known.readyUrl), 30_000);
  await known.stop();
  await bed.broker.stop();

  const program = ingest.program();
  await bed.keep(program);
  await until('ingest is ready without a broker', () => isReady(program.readyUrl), 30_000);
  const sender = createDoorSender(ingest.url);
  t.after(() => sender.stop());
  for (const delivery of ['d-1', 'd-2', 'd-3']) assert.equal((await sender.post('octo/demo', delivery)).status, 202);
  assert.equal((await sender.post('octo/demo', 'd-1')).duplicate, true);
  const away = await readiness(ingest);
  assert.deepEqual(
    [away.status, away.checks['journal']?.ok, away.checks['broker']?.ok, away.checks['relay']?.ok],
    [200, true, false, false],
  );
  assert.match(away.checks['broker']?.detail ?? '', /^away: /);
  assert.match(away.checks['settings']?.detail ?? '', /the last that was heard counts/);

  await bed.broker.start();
  await until('all is relayed', async () => (await metric(ingest, 'visapi_relay_records_total{outcome="stored"}')) === 3);
  assert.deepEqual(
    (await bed.events()).map(({ delivery }) => delivery),
    ['d-1', 'd-2', 'd-3'],
  );
});

test('a broker that turns out unsafe gets nothing: the door stays open, and the log and /readyz say so', async (t) => {
  const bed = await openDoorBed(t);
  const first = await bed.ingest('door');
  const known = first.program();
  await known.start();
  await until('ingest has heard of its source', () => isReady(known.readyUrl), 30_000);
  await known.stop();

  await bed.broker.stop();
  // Nobody can see whether it fsyncs: its monitoring does not answer.
  const ingest = await bed.ingest('door', { ALLOW_UNSAFE_BROKER: 'false', NATS_MONITOR_URL: 'http://127.0.0.1:1' });
  const program = ingest.program();
  await bed.keep(program);
  await until('ingest is ready without a broker', () => isReady(program.readyUrl), 30_000);
  await bed.broker.start();
  await until('the broker is looked at', async () => (await readiness(ingest)).checks['broker']?.detail?.startsWith('unsafe: ') === true);
  const sender = createDoorSender(ingest.url);
  t.after(() => sender.stop());
  assert.equal((await sender.post('octo/demo', 'd-1')).status, 202);
  const unsafe = await readiness(ingest);
  assert.deepEqual([unsafe.status, unsafe.checks['relay']?.ok], [200, false]);
  await bed.connection.whenConnected(60_000);
  assert.deepEqual(await bed.events(), []);
  assert.equal(await metric(ingest, 'visapi_journal_records'), 1);
});

test('without a journal the broker is what an answer needs: 503 while it is away', async (t) => {
  const bed = await openDoorBed(t);
  const ingest = await bed.ingest('door', { INGEST_JOURNAL_PATH: 'none', ACCEPT_AFTER: 'log' });
  const program = ingest.program();
  await bed.keep(program);
  await until('ingest is ready', () => isReady(program.readyUrl), 30_000);
  const sender = createDoorSender(ingest.url);
  t.after(() => sender.stop());
  assert.equal((await sender.post('octo/demo', 'd-1')).status, 202);
  await bed.broker.stop();
  const startedAt = performance.now();
  assert.equal((await sender.post('octo/demo', 'd-2')).status, 503);
  assert.ok(performance.now() - startedAt < patience(4_000));
  const { status, checks } = await readiness(ingest);
  assert.deepEqual([status, checks['broker']?.ok], [503, false]);
  await bed.broker.start();
  await until('it is accepted again', async () => (await sender.post('octo/demo', 'd-2')).status === 202);
});
