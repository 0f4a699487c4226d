import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Ended } from '../cmd/visapi/test-tool.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { nodeEnvironment } from '../lib/dev/program.ts';
import { scaled } from '../lib/dev/test-scale.ts';
import { connectBroker, type BrokerConnection } from '../lib/jetstream/connection.ts';
import { readBounds } from '../lib/jetstream/log-reader.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { logStreams } from '../streams/log-streams.ts';
import { STREAMS } from '../streams/subjects.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { openSystem, type SystemBed, until } from './system-bed.ts';

// A secret that is wrong costs a readmission and not the events: what was refused meanwhile is kept, and becomes events with
// the times and in the order of its first receipt once the secret is right. What somebody else has sent stays out.

const REQUESTS = scaled({ day: 1_000, night: 10_000 });
const KEYS = 20;
/** Every 33rd: in every key. */
const isForged = (number: number): boolean => number % 33 === 0;
const GENUINE = Array.from({ length: REQUESTS }, (_, number) => number).filter((number) => !isForged(number)).length;
/** Below what ingest holds in memory. */
const MAX_BEHIND = 1_500;

interface Kept {
  readonly number: number;
  readonly key: string;
  readonly receivedAt: string;
}

const bodyOf = (number: number): string =>
  JSON.stringify({ action: 'published', number, repository: { full_name: `shop/${number % KEYS}` } });

function headersOf(number: number): Record<string, string> {
  const signedWith = isForged(number) ? `a guess ${number}` : SECRET;
  return {
    'content-type': 'application/json',
    'x-github-event': 'release',
    'x-github-delivery': `delivery-${number}`,
    'x-hub-signature-256': `sha256=${createHmac('sha256', signedWith).update(bodyOf(number)).digest('hex')}`,
  };
}

async function send(pool: Pool, number: number): Promise<{ status: number; body: { duplicate?: boolean } }> {
  const answer = await pool.request({ method: 'POST', path: '/hooks/github', headers: headersOf(number), body: bodyOf(number) });
  return { status: answer.statusCode, body: (await answer.body.json()) as { duplicate?: boolean } };
}

/** Each key's requests one after the other, so that the order of receipt is known; not faster than they can be kept. */
async function sendAll(bed: SystemBed, pool: Pool): Promise<void> {
  let sent = 0;
  let stored = 0;
  const readStored = async (): Promise<void> => {
    const counts = [...(await bed.metrics('ingest')).matchAll(/^visapi_rejected_stored_total\{.*\} (\d+)$/gm)];
    stored = counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const sendKey = async (key: number): Promise<void> => {
    for (let number = key; number < REQUESTS; number += KEYS) {
      while (sent - stored > MAX_BEHIND) await wait(10);
      sent += 1;
      assert.equal((await send(pool, number)).status, 401);
    }
  };
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted) {
      await readStored();
      await wait(200);
    }
  })();
  await Promise.all(Array.from({ length: KEYS }, (_, key) => sendKey(key)));
  watching.abort();
  await watch;
  const allAreKept = async (): Promise<boolean> => {
    await readStored();
    return stored === REQUESTS;
  };
  await until('all are kept', allAreKept, 60_000);
}

async function readStream(connection: BrokerConnection, stream: string): Promise<Kept[]> {
  const found: Kept[] = [];
  for await (const chunk of scanLog(connection, { stream }))
    for (const message of chunk) {
      const { number, repository } = JSON.parse(Buffer.from(message.toMessage().body).toString()) as {
        number: number;
        repository: { full_name: string };
      };
      found.push({ number, key: repository.full_name, receivedAt: message.header(HEADERS.received) });
    }
  return found;
}

/** As a person would. */
async function mend(bed: SystemBed): Promise<void> {
  const file = join(bed.logFolder, 'secret');
  await writeFile(file, SECRET, { mode: 0o600 });
  const { code, stderr } = await bed.visapi('sources', 'rotate', 'github', '--secret-file', file);
  assert.equal(code, 0, stderr);
}

/** The tool dies while it readmits, between what was admitted and its removal. */
async function readmitAndKill(bed: SystemBed, connection: BrokerConnection): Promise<void> {
  const child = spawn(process.execPath, [join(projectRoot, 'cmd/visapi/main.ts'), 'rejected', 'readmit', '--source', 'github'], {
    env: { ...nodeEnvironment, ...bed.env },
    stdio: 'ignore',
  });
  const gone = once(child, 'exit');
  await until('some are admitted', async () => (await readBounds(connection, STREAMS.events)).messages > REQUESTS / 20, 60_000);
  child.kill('SIGKILL');
  await gone;
}

const printed = <Value>({ code, stdout, stderr }: Ended): Value => {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Value;
};

interface Readmitted {
  readonly counts: readonly { readonly outcome: string; readonly because: string | null; readonly requests: number }[];
}

const countOf = ({ counts }: Readmitted, outcome: string): number => counts.find((count) => count.outcome === outcome)?.requests ?? 0;

async function openBed(t: TestContext) {
  const bed = await openSystem(t, [], {
    sources: JSON.stringify([{ name: 'github', preset: 'github', secrets: [{ value: 'yesterday the secret was another one' }] }]),
    only: ['ingest'],
    env: { INGEST_REJECTED_RATE: '100000', INGEST_REJECTED_BURST: '100000' },
  });
  const connection = await connectBroker({ url: bed.broker.url, name: 'test' });
  // Room for all of them: a twentieth of this.
  await applyStreams(connection, logStreams({ totalBytes: 1024 ** 3 }));
  const pool = new Pool(bed.ingestUrl, { connections: KEYS });
  t.after(async () => {
    await pool.close();
    await connection.close();
  });
  return { bed, connection, pool };
}

test(`${REQUESTS} requests that a wrong secret refused: once it is right the genuine ones are events, with their first times, in order`, async (t) => {
  const { bed, connection, pool } = await openBed(t);
  const begunAt = performance.now();
  await sendAll(bed, pool);
  t.diagnostic(`sent after ${Math.round(performance.now() - begunAt)} ms`);
  const kept = await readStream(connection, STREAMS.rejected);
  const firstTimes = new Map(kept.map(({ number, receivedAt }) => [number, receivedAt]));
  assert.equal(firstTimes.size, REQUESTS);
  const { counts } = printed<{ counts: unknown[] }>(await bed.visapi('rejected', 'list', '--source', 'github', '--json'));
  assert.partialDeepStrictEqual(counts, [{ source: 'github', reason: 'wrong_signature', requests: REQUESTS }]);

  await mend(bed);
  await until('the door knows the secret', async () => (await send(pool, REQUESTS + 1)).status === 202);
  await readmitAndKill(bed, connection);
  const startedAt = performance.now();
  const readmitted = printed<Readmitted>(await bed.visapi('rejected', 'readmit', '--source', 'github', '--json'));
  t.diagnostic(`readmitted in ${Math.round(performance.now() - startedAt)} ms`);
  // What was admitted before the kill is gone from REJECTED, or known again.
  assert.ok(countOf(readmitted, 'admitted') > 0 && countOf(readmitted, 'admitted') < GENUINE);
  assert.deepEqual(countOf(readmitted, 'refused'), REQUESTS - GENUINE);

  const read = async () => (await readStream(connection, STREAMS.events)).filter(({ number }) => number < REQUESTS);
  // And the one that told that the door knows the secret.
  await until('the log has them', async () => (await readBounds(connection, STREAMS.events)).messages > GENUINE, 60_000);
  const events = await read();
  assert.equal(events.length, GENUINE);
  const lastOf = new Map<string, number>();
  for (const { number, key, receivedAt } of events) {
    assert.ok(!isForged(number), `${number} is forged`);
    assert.equal(receivedAt, firstTimes.get(number));
    assert.ok(number > (lastOf.get(key) ?? -1), `${key}: ${number} came behind ${lastOf.get(key)}`);
    lastOf.set(key, number);
  }
  assert.equal(lastOf.size, KEYS);

  const again = printed<Readmitted>(await bed.visapi('rejected', 'readmit', '--source', 'github', '--json'));
  assert.deepEqual(again.counts, [{ outcome: 'refused', because: 'wrong_signature', requests: REQUESTS - GENUINE }]);
  const retry = await send(pool, 1);
  assert.deepEqual([retry.status, retry.body.duplicate], [202, true], "the provider's own retry is the same event");
  assert.equal((await readBounds(connection, STREAMS.events)).messages, GENUINE + 1);

  const left = await readStream(connection, STREAMS.rejected);
  assert.ok(left.length === REQUESTS - GENUINE && left.every(({ number }) => isForged(number)));
  assert.equal((await bed.visapi('rejected', 'discard', '--source', 'github', '--because', 'guessed')).code, 0);
  assert.equal((await readStream(connection, STREAMS.rejected)).length, 0);
  const acts = await bed.database.tables.selectFrom('audit_log').select('detail').where('action', '=', 'rejected.discard').execute();
  assert.partialDeepStrictEqual(acts, [{ detail: { because: 'guessed', requests: REQUESTS - GENUINE } }]);
});
