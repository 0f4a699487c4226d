import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Registry } from 'prom-client';

import { AppError } from '../core/app-error.ts';
import { journalMetrics } from '../telemetry/door-metrics.ts';
import { idsOf, journalPath, offer, openTestJournal } from './test-journal.ts';

test('what was appended is read in order, in another life of the journal too, until it is forgotten', async (t) => {
  const path = journalPath(t);
  const journal = await openTestJournal(t, path);
  assert.deepEqual(await journal.append([offer('a'), offer('b'), offer('a')]), [
    { number: 1, duplicate: false },
    { number: 2, duplicate: false },
    { number: 1, duplicate: true },
  ]);
  await journal.forget([{ number: 1, logSeq: 70 }]);
  const { id } = journal;
  await journal.close();
  await journal.close();

  const again = await openTestJournal(t, path);
  assert.equal(again.id, id);
  const [known, fresh] = await Promise.all([again.append([offer('a')]), again.append([offer('c')])]);
  assert.deepEqual(
    [...known, ...fresh],
    [
      { number: 1, duplicate: true },
      { number: 3, duplicate: false },
    ],
  );
  assert.deepEqual(
    again.read(0, 10).map(({ number, emit }) => ({ number, ...emit, body: Buffer.from(emit.body) })),
    [
      { number: 2, ...offer('b').emit },
      { number: 3, ...offer('c').emit },
    ],
  );
  assert.deepEqual(
    again.read(2, 10).map(({ number }) => number),
    [3],
  );
  assert.deepEqual(
    again.read(0, 1).map(({ number }) => number),
    [2],
  );
  const { depth, ids, lastNumber, confirmedLogSeq } = again.status();
  assert.deepEqual({ depth, ids, lastNumber, confirmedLogSeq }, { depth: 2, ids: 3, lastNumber: 3, confirmedLogSeq: 70 });
});

test('the same id sent many times at once, and again later, is one event; without an identity each is one', async (t) => {
  let now = Date.parse('2026-11-22T00:00:00Z');
  const journal = await openTestJournal(t, journalPath(t), { now: () => now });
  const at = await Promise.all(Array.from({ length: 10 }, () => journal.append([offer('same')])));
  assert.deepEqual(
    at.flat().map(({ duplicate }) => duplicate),
    [false, ...Array.from({ length: 9 }, () => true)],
  );
  await journal.forget([{ number: 1, logSeq: 1 }]);
  now += 3 * 60_000;
  assert.deepEqual(await journal.append([offer('same')]), [{ number: 1, duplicate: true }]);
  now += 5 * 24 * 3_600_000;
  assert.deepEqual(await journal.append([offer('same')]), [{ number: 1, duplicate: true }]);
  const own = offer('own', { isRemembered: false });
  assert.deepEqual(await journal.append([own, own]), [
    { number: 2, duplicate: false },
    { number: 3, duplicate: false },
  ]);
});

test('identities are forgotten when they are too old or too many, oldest first, a few per transaction', async (t) => {
  let now = Date.parse('2026-11-01T00:00:00Z');
  const journal = await openTestJournal(t, journalPath(t), { now: () => now, identities: { maxCount: 1_000 } });
  const many = Array.from({ length: 1_500 }, (_, index) => offer(`${index}`));
  for (let at = 0; at < many.length; at += 500) await journal.append(many.slice(at, at + 500));
  assert.equal(journal.status().ids, 1_000);
  assert.deepEqual(
    (await journal.append([offer('500'), offer('499')])).map(({ duplicate }) => duplicate),
    [true, false],
  );
  now += 8 * 24 * 3_600_000 + 1;
  // 1,000 are due, 200 go with each transaction.
  await journal.append([offer('x')]);
  assert.equal(journal.status().ids, 801);
  for (let round = 0; round < 4; round += 1) await journal.append([offer(`y${round}`)]);
  assert.equal(journal.status().ids, 5);
  assert.equal((await journal.append([offer('700')]))[0]?.duplicate, false);
});

test('a full journal refuses all of an append or none, still knows duplicates, and takes again when records are forgotten', async (t) => {
  const journal = await openTestJournal(t, journalPath(t), { maxBytes: 10_000 });
  await journal.append([offer('a', { bytes: 4_000 }), offer('b', { bytes: 4_000 })]);
  await assert.rejects(journal.append([offer('c', { bytes: 10 }), offer('d', { bytes: 4_000 })]), {
    code: 'not_accepting',
    retryAfterSeconds: 5,
  });
  assert.deepEqual(idsOf(journal), ['a', 'b']);
  assert.deepEqual(await journal.append([offer('a', { bytes: 4_000 })]), [{ number: 1, duplicate: true }]);
  // Of a refused append nothing is remembered.
  await journal.forget([{ number: 1, logSeq: 1 }]);
  assert.deepEqual(await journal.append([offer('d', { bytes: 4_000 })]), [{ number: 3, duplicate: false }]);
});

test('where a transaction breaks off, nothing of its group is stored, relayed or counted, and the next one is', async (t) => {
  let callsUntilBroken = Infinity;
  const now = (): number => {
    callsUntilBroken -= 1;
    if (callsUntilBroken === 0) throw new Error('broken off');
    return Date.now();
  };
  const path = journalPath(t);
  const journal = await openTestJournal(t, path, { now });
  await journal.append([offer('a'), offer('b')]);
  const before = journal.status();
  let heard = 0;
  journal.onAppended(() => void (heard += 1));

  // Each append asks for the time, and the transaction once more: after everything is written, before it is counted.
  callsUntilBroken = 3;
  const broken = await Promise.allSettled([
    journal.append([offer('c'), offer('d')]),
    journal.append([offer('e', { isRemembered: false })]),
    journal.forget([{ number: 1, logSeq: 9 }]),
  ]);
  assert.deepEqual(
    broken.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(idsOf(journal), ['b']);
  assert.equal(heard, 0);
  const { depth, ids, lastNumber, bytes } = journal.status();
  assert.deepEqual({ depth, ids, lastNumber, bytes }, { depth: 1, ids: 2, lastNumber: 2, bytes: before.bytes / 2 });

  await journal.close();
  const again = await openTestJournal(t, path);
  assert.deepEqual(await again.append([offer('d'), offer('a')]), [
    { number: 3, duplicate: false },
    { number: 1, duplicate: true },
  ]);
  assert.deepEqual(idsOf(again), ['b', 'd']);
});

test('listeners hear of every commit that stored something; after the end nothing is taken, and the status stays', async (t) => {
  const journal = await openTestJournal(t, journalPath(t));
  let heard = 0;
  const stop = journal.onAppended(() => {
    heard += 1;
  });
  await journal.append([offer('a')]);
  assert.equal(heard, 1);
  await journal.append([offer('a')]);
  await journal.forget([{ number: 1, logSeq: 1 }]);
  assert.equal(heard, 1);
  stop();
  await journal.append([offer('b')]);
  assert.equal(heard, 1);
  const last = journal.append([offer('c')]);
  const closed = journal.close();
  await assert.rejects(journal.append([offer('d')]), { code: 'not_accepting' });
  await closed;
  assert.deepEqual(await last, [{ number: 3, duplicate: false }]);
  assert.equal(journal.status().lastNumber, 3);
  assert.deepEqual(journal.read(0, 10), []);
});

test('a second owner is refused with path and process; an owner that was killed does not block', async (t) => {
  const path = journalPath(t);
  const journal = await openTestJournal(t, path);
  await assert.rejects(openTestJournal(t, path), (error) => {
    assert.ok(error instanceof AppError && error.code === 'start_failed');
    assert.equal(error.message, `expected the journal ${path} to be free, got an owner: process ${process.pid} on ${hostname()}`);
    return true;
  });
  await journal.close();
  const program = `
    import { openJournal } from ${JSON.stringify(new URL('open-journal.ts', import.meta.url).href)};
    const journal = await openJournal({ path: process.argv[1], maxBytes: 1e6 });
    process.kill(process.pid, 'SIGKILL');`;
  const killed = spawnSync(process.execPath, ['--input-type=module', '-e', program, path], { encoding: 'utf8' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const next = await openTestJournal(t, path);
  await next.append([offer('a')]);
  assert.equal(readdirSync(path).filter((name) => name.startsWith('owner.')).length, 1);
});

test('an owner in another container counts as alive as long as it says so', async (t) => {
  const path = journalPath(t);
  const journal = await openTestJournal(t, path);
  await journal.close();
  const file = join(path, 'owner.1');
  const foreign = { ...(JSON.parse(readFileSync(file, 'utf8')) as object), pid: 1, world: 'another', released: false };
  writeFileSync(file, JSON.stringify(foreign));
  await assert.rejects(openTestJournal(t, path), { code: 'start_failed' });
  const long = new Date(Date.now() - 6_000);
  utimesSync(file, long, long);
  await openTestJournal(t, path);
});

test('the metrics say what the journal says', async (t) => {
  const registry = new Registry();
  const journal = await openTestJournal(t, journalPath(t), {
    metrics: journalMetrics(registry),
    maxBytes: 5_000,
    now: () => Date.now() - 10_000,
  });
  await journal.append([offer('a'), offer('b')]);
  const text = await registry.metrics();
  const { bytes } = journal.status();
  for (const line of [
    'visapi_journal_records 2',
    `visapi_journal_bytes ${bytes}`,
    'visapi_journal_max_bytes 5000',
    'visapi_journal_ids 2',
    'visapi_journal_damaged_records 0',
    'visapi_journal_commit_duration_seconds_count 1',
    'visapi_journal_batch_changes_sum 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.match(text, /visapi_journal_oldest_age_seconds 1\d\.\d/);
});
