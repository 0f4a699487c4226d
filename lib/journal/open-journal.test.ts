import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { JournalOffer } from './journal.ts';
import { openJournal } from './open-journal.ts';

test('what was appended is read in order, in another life of the journal too, until it is forgotten', async (t) => {
  const path = await folder(t);
  const journal = await openJournal({ path, maxBytes: 1e6 });
  t.after(() => journal.close());
  assert.deepEqual(await journal.append([offer('a'), offer('b'), offer('a')]), [
    { number: 1, duplicate: false },
    { number: 2, duplicate: false },
    { number: 1, duplicate: true },
  ]);
  await journal.forget([{ number: 1, logSeq: 70 }]);
  const { id } = journal;
  await journal.close();

  const again = await openJournal({ path, maxBytes: 1e6 });
  t.after(() => again.close());
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
    again.read(0, 10).map(({ number, emit }) => [number, emit.id, Buffer.from(emit.body).toString()]),
    [
      [2, 'b', 'body of b'],
      [3, 'c', 'body of c'],
    ],
  );
  const { depth, ids, lastNumber, confirmedLogSeq } = again.status();
  assert.deepEqual({ depth, ids, lastNumber, confirmedLogSeq }, { depth: 2, ids: 3, lastNumber: 3, confirmedLogSeq: 70 });
});

function offer(id: string): JournalOffer {
  return { emit: { id, subject: 'events.x', key: 'k', headers: { a: 'b' }, body: Buffer.from(`body of ${id}`) }, isRemembered: true };
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'journal-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}
