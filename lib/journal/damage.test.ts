import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { fc } from '../dev/fast-check.ts';

import { scaled } from '../dev/test-scale.ts';
import { dataFile } from './environment.ts';
import { findDamage } from './file-check.ts';
import type { Journal } from './journal.ts';
import { decodeState, STATE_BYTES, STATE_MAGIC } from './journal-state.ts';
import { PAGE_HEADER_BYTES } from './lmdb-file.ts';
import type { Rescue } from './rescue.ts';
import { idsOf, journalPath, offer, openTestJournal } from './test-journal.ts';

/** What the machines have that this runs on. */
const PAGE_BYTES = 4_096;

test('a record with another byte is never handed out: it is counted, told and kept aside, and the others go on', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 5);
  const file = readFileSync(dataFile(path));
  for (let at = file.indexOf('secret 3'); at !== -1; at = file.indexOf('secret 3', at + 1)) file[at] = 0;
  writeFileSync(dataFile(path), file);

  const told: number[] = [];
  const journal = await openTestJournal(t, path, { onDamaged: (number) => told.push(number) });
  assert.deepEqual(idsOf(journal), ['secret 1 ', 'secret 2 ', 'secret 4 ', 'secret 5 ']);
  await journal.append([offer('later')]);
  assert.deepEqual(idsOf(journal), ['secret 1 ', 'secret 2 ', 'secret 4 ', 'secret 5 ', 'later']);
  assert.deepEqual(told, [3]);
  const { depth, damaged } = journal.status();
  assert.deepEqual({ depth, damaged }, { depth: 5, damaged: 1 });
  await journal.forget([1, 2, 4, 5, 6].map((number) => ({ number, logSeq: number })));
  assert.deepEqual([journal.status().depth, journal.status().bytes], [0, 0]);
});

test('a file whose roots are gone is put aside, and what waited is relayed from a new one under the same identities', async (t) => {
  const path = journalPath(t);
  const old = await fill(t, path, 300, 100);
  const file = readFileSync(dataFile(path));
  file.fill(0, 0, 2 * PAGE_BYTES);
  writeFileSync(dataFile(path), file);

  const { journal, rescue } = await openRescued(t, path);
  assert.deepEqual(idsOf(journal), names(101, 300));
  assert.deepEqual(
    { ...rescue, asidePath: '' },
    { damage: 'the first page of roots is not one', asidePath: '', saved: 200, relayed: rescue.relayed, lost: 0 },
  );
  assert.notEqual(journal.id, old);
  assert.equal(journal.status().confirmedLogSeq, 1_100);
  assert.deepEqual(await journal.append([offer('secret 200 ')]), [{ number: 100, duplicate: true }]);
  assert.ok(existsSync(dataFile(rescue.asidePath)));
  assert.equal(findDamage(dataFile(path)), undefined);
  // The next start finds nothing wrong.
  await journal.close();
  const again = await openTestJournal(t, path, { onRescued: () => assert.fail('there is nothing to rescue') });
  assert.deepEqual(idsOf(again), names(101, 300));
});

test('where the journal has lost count, it counts again from an older state', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 10, 4);
  const file = readFileSync(dataFile(path));
  const latest = Math.max(...statesIn(file).map(({ commits }) => commits));
  for (const { at, commits } of statesIn(file)) if (commits === latest) file[at + STATE_BYTES - 1]! ^= 1;
  writeFileSync(dataFile(path), file);
  const { journal, rescue } = await openRescued(t, path);
  assert.equal(rescue.damage, 'the state of the journal does not fit its checksum');
  // The older state still had the four that were forgotten last.
  assert.deepEqual(idsOf(journal), names(1, 10));
  assert.deepEqual([rescue.saved, rescue.lost], [10, 0]);
});

test('where no state is left at all, all that is readable waits, and the log is read back from its beginning', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 10, 4);
  const file = readFileSync(dataFile(path));
  for (const { at } of statesIn(file)) file[at + STATE_BYTES - 1]! ^= 1;
  writeFileSync(dataFile(path), file);
  const { journal, rescue } = await openRescued(t, path);
  const ids = idsOf(journal);
  assert.deepEqual(ids.slice(-6), names(5, 10), 'what waited waits');
  assert.deepEqual([rescue.saved, rescue.relayed, rescue.lost], [ids.length, 0, undefined]);
  // The relay begins its reading here.
  assert.equal(journal.status().confirmedLogSeq, 0);
});

test('of a file that was cut off, what is in front of the cut is relayed, wherever it is', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 120, 0, 3_000);
  const whole = readFileSync(dataFile(path));
  for (const share of [0.9, 0.5, 0.2, 0.02]) {
    const length = Math.floor(whole.length * share);
    writeFileSync(dataFile(path), whole.subarray(0, length));
    const { journal, rescue } = await openRescued(t, path);
    const readable = names(1, 120).filter((id) => isWholeBefore(whole, id, length));
    assert.deepEqual(idsOf(journal).toSorted(), readable.toSorted(), `${share}`);
    assert.equal(rescue.saved, readable.length);
    await journal.close();
  }
  // Even an empty one.
  truncateSync(dataFile(path), 0);
  const { journal } = await openRescued(t, path);
  assert.deepEqual(await journal.append([offer('new')]), [{ number: 1, duplicate: false }]);
});

test('whichever bytes of a file change, the process lives, hands out only what was stored, and takes new events', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 60, 20, 700);
  const whole = readFileSync(dataFile(path));
  const stored = new Set(names(1, 60));
  const change = fc.record({
    page: fc.nat({ max: whole.length / PAGE_BYTES - 1 }),
    at: fc.oneof(fc.nat({ max: PAGE_HEADER_BYTES + 40 }), fc.nat({ max: PAGE_BYTES - 1 })),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const file = Buffer.from(whole);
      for (const { page, at, bytes } of changes) file.set(bytes.subarray(0, file.length - page * PAGE_BYTES - at), page * PAGE_BYTES + at);
      writeFileSync(dataFile(path), file);
      // As after a crash: after a clean stop the identities are looked at only when they have made the process crash.
      for (const name of readdirSync(path)) if (name.startsWith('owner.')) rmSync(join(path, name));
      const journal = await openTestJournal(t, path);
      try {
        for (const id of idsOf(journal)) assert.ok(stored.has(id), id);
        const [appended] = await journal.append([offer('new')]);
        assert.deepEqual(idsOf(journal).at(-1), 'new');
        await journal.forget([{ number: appended?.number ?? 0, logSeq: 1 }]);
      } finally {
        await journal.close();
      }
    }),
    { numRuns: scaled({ day: 20, night: 60 }) },
  );
});

test('a rescue that was killed at any step is done again, or finished, by the next start', async (t) => {
  const path = journalPath(t);
  await fill(t, path, 10);
  const whole = readFileSync(dataFile(path));
  // Killed while it wrote the new file.
  writeFileSync(dataFile(path), whole.subarray(0, whole.length - PAGE_BYTES * 2));
  mkdirSync(join(path, 'rescue-unfinished'));
  writeFileSync(dataFile(join(path, 'rescue-unfinished')), 'half');
  const first = await openTestJournal(t, path);
  const saved = idsOf(first);
  await first.close();
  // Killed after the damaged file was put aside and before the new one has its place.
  mkdirSync(join(path, 'rescue'));
  renameSync(dataFile(path), dataFile(join(path, 'rescue')));
  const second = await openTestJournal(t, path);
  assert.deepEqual(idsOf(second), saved);
  await second.close();
  // Killed before: the damaged one is still there, and the copy is made again.
  writeFileSync(dataFile(path), whole);
  mkdirSync(join(path, 'rescue'));
  writeFileSync(dataFile(join(path, 'rescue')), 'older');
  const third = await openTestJournal(t, path);
  assert.deepEqual(idsOf(third), names(1, 10));
});

function statesIn(file: Buffer): { at: number; commits: number }[] {
  const found = [];
  for (let at = file.indexOf(STATE_MAGIC); at !== -1; at = file.indexOf(STATE_MAGIC, at + 1)) {
    const state = decodeState(file.subarray(at, at + STATE_BYTES))?.state;
    if (state) found.push({ at, commits: state.commits });
  }
  return found;
}

async function fill(t: TestContext, path: string, count: number, forgotten = 0, bytes = 40): Promise<string> {
  const journal = await openTestJournal(t, path);
  for (const id of names(1, count)) await journal.append([offer(id, { bytes })]);
  await journal.forget(Array.from({ length: forgotten }, (_, index) => ({ number: index + 1, logSeq: 1_001 + index })));
  await journal.close();
  return journal.id;
}

async function openRescued(t: TestContext, path: string): Promise<{ journal: Journal; rescue: Rescue }> {
  let rescue: Rescue | undefined;
  const journal = await openTestJournal(t, path, { onRescued: (told) => (rescue = told) });
  assert.ok(rescue, 'the file is damaged, and nobody has seen it');
  return { journal, rescue };
}

function names(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `secret ${from + index} `);
}

/** Whether one whole copy of its record lies in front of the cut. */
function isWholeBefore(file: Buffer, id: string, length: number): boolean {
  const recordBytes = 3_000 + Buffer.byteLength(JSON.stringify([id, 'events.test.key', 'key', { 'ce-type': 'test' }]));
  for (let at = file.indexOf(`["${id}`); at !== -1; at = file.indexOf(`["${id}`, at + 1)) if (at + recordBytes <= length) return true;
  return false;
}
