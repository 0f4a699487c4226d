import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { poll } from '../../../lib/dev/poll.ts';
import { dataFile } from '../../../lib/journal/environment.ts';
import { parseExport } from '../../../lib/journal/journal-export.ts';
import type { JournalGlance } from '../../../lib/journal/journal-glance.ts';
import { idsOf, journalPath, offer, openTestJournal } from '../../../lib/journal/test-journal.ts';
import { createTestTool, type Ended } from '../test-tool.ts';

const tool = createTestTool();
/** On a journal that nobody has open. */
const visapi = (path: string, ...words: string[]): Promise<Ended> => tool.run('journal', ...words, '--path', path);
/** On one that this process has open: a process opens an LMDB environment once. */
const visapiBeside = (path: string, ...words: string[]): Promise<Ended> => tool.spawn('journal', ...words, '--path', path);

test('what waits in one journal is exported, imported into a running one under the same identities, and its relay hears of it', async (t) => {
  const from = journalPath(t);
  const old = await openTestJournal(t, from, { now: () => Date.parse('2026-11-20T10:00:00Z') });
  await old.append([offer('a'), offer('b'), offer('c', { isRemembered: false }), offer('d', { bytes: 30_000 })]);
  await old.forget([{ number: 1, logSeq: 9 }]);
  await old.close();
  const file = join(dirname(from), 'events.jsonl');
  const exported = await visapi(from, 'export', file);
  assert.deepEqual([exported.code, exported.stdout], [0, '3 records exported\n']);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  assert.equal(lines.length, 4);
  const { id, acceptedAt, body } = JSON.parse(lines[0]!) as Record<string, string>;
  assert.deepEqual([id, acceptedAt, Buffer.from(body!, 'base64')], ['b', '2026-11-20T10:00:00.000Z', offer('b').emit.body]);

  const to = journalPath(t);
  const running = await openTestJournal(t, to);
  await running.append([offer('d')]);
  let heard = 0;
  running.onAppended(() => (heard += 1));
  const first = await visapiBeside(to, 'import', file, '--json');
  assert.deepEqual(JSON.parse(first.stdout), { file, imported: 2, known: 1, left: 0 });
  await poll(() => heard || undefined, { deadlineMs: 30_000, what: 'the running journal to notice the import' });
  assert.deepEqual(idsOf(running), ['d', 'b', 'c']);
  assert.deepEqual(
    running.read(1, 10).map((record) => record.acceptedAt),
    [Date.parse('2026-11-20T10:00:00Z'), Date.parse('2026-11-20T10:00:00Z')],
  );
  // Done twice, it is done once: also what had no identity of its own.
  const second = await visapiBeside(to, 'import', file);
  assert.equal(second.stdout, '0 events imported, 3 were known already, 0 found no room\n');
  assert.deepEqual(await running.append([offer('b')]), [{ number: 2, duplicate: true }]);
});

test('an export that is not whole is not imported, and one that finds no room says so', async (t) => {
  const path = journalPath(t);
  const journal = await openTestJournal(t, path);
  await journal.append([offer('a', { bytes: 500 }), offer('b', { bytes: 500 })]);
  await journal.close();
  const file = join(dirname(path), 'events.jsonl');
  await visapi(path, 'export', file);
  const text = readFileSync(file, 'utf8');
  const other = join(dirname(path), 'other');
  for (const wrong of [
    text.slice(0, -1).split('\n').slice(0, -1).join('\n'),
    text.replace('"key":"key"', '"key":"kex"'),
    'no json\n',
    '',
  ]) {
    assert.throws(() => parseExport(wrong), /not whole|expected JSON/, wrong);
  }
  writeFileSync(file, 'no json\n');
  assert.match((await visapi(other, 'import', file)).stderr, /expected JSON in line 1/);
  writeFileSync(file, text);
  const full = await visapi(other, 'import', file, '--max-bytes', '700');
  assert.deepEqual([full.code, full.stdout], [1, '1 events imported, 0 were known already, 1 found no room\n']);
  assert.equal((await visapi(other, 'import', file)).stdout, '1 events imported, 1 were known already, 0 found no room\n');
});

test('the status names the owner while there is one, and works without, and on a damaged file', async (t) => {
  const path = journalPath(t);
  assert.equal((await visapi(path, 'status')).code, 3);
  const journal = await openTestJournal(t, path);
  await journal.append(Array.from({ length: 20 }, (_, index) => offer(`${index}`, { bytes: 1_000 })));
  const running = JSON.parse((await visapiBeside(path, 'status', '--json')).stdout) as JournalGlance;
  assert.equal(running.owner?.pid, process.pid);
  assert.deepEqual([running.status?.depth, running.status?.ids, running.status?.damaged], [20, 20, 0]);
  await journal.close();
  const { stdout } = await visapi(path, 'status');
  assert.match(stdout, /^owner +none: no ingest runs on it$/m);
  assert.match(stdout, /^waiting +20 events, \d+ bytes$/m);

  truncateSync(dataFile(path), 32_768);
  const damaged = await visapi(path, 'status');
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, /^damaged +page \d+/m);
  const rest = await visapiBeside(path, 'export', '-');
  assert.match(rest.stderr, /the journal is damaged: .*\n\d+ records exported/);
  const lines = rest.stdout.trimEnd().split('\n');
  assert.equal((JSON.parse(lines.at(-1)!) as { end: { records: number } }).end.records, lines.length - 1);
});
