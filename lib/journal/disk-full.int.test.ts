import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { AppError } from '../core/app-error.ts';
import { poll } from '../dev/poll.ts';
import { mountSmallDisk, type SmallDisk } from '../dev/small-disk.ts';
import type { Journal } from './journal.ts';
import { idsOf, offer, openTestJournal } from './test-journal.ts';

/** The journal refuses without trying for half a second. */
const PAUSE_MS = 600;

/** The journal's reserve of 2 MB, and about as much again. */
const DISK_BYTES = 6_000_000;

test('on a full disk nothing is taken and nothing is lost; relaying goes on, and the journal takes again when there is room', async (t) => {
  const disk = openDisk(t);
  if (disk === undefined) return;
  const path = join(disk.path, 'journal');
  const journal = await openTestJournal(t, path, { maxBytes: 1_000_000_000 });
  const accepted: string[] = [];
  let count = 0;
  const next = async (bytes = 20_000): Promise<void> => {
    count += 1;
    const id = `event ${count}`;
    await journal.append([offer(id, { bytes })]);
    accepted.push(id);
  };
  // Many small ones: their removal changes many pages.
  await Promise.all(Array.from({ length: 600 }, () => next(1_000)));
  // Somebody else takes all that is left.
  disk.fill();
  for (const bytes of [20_000, 2_000, 1]) {
    await assert.rejects(async () => {
      for (;;) await next(bytes);
    }, isRefusal);
    // So that the next try is not refused for the pause after this one.
    await wait(PAUSE_MS);
  }
  assert.deepEqual(idsOf(journal), accepted);

  // The relay's part goes on, on the reserve, and makes room inside of the file.
  await journal.forget(journal.read(0, 500).map(({ number }) => ({ number, logSeq: number })));
  accepted.splice(0, 500);
  assert.deepEqual(idsOf(journal), accepted);
  assert.ok(!existsSync(join(path, 'reserve')));
  await takesAgain(next);
  assert.deepEqual(idsOf(journal), accepted);

  // Room on the disk, without a restart.
  disk.empty();
  for (let round = 0; round < 30; round += 1) await takesAgain(next);
  assert.deepEqual(idsOf(journal), accepted);
  await journal.close();
  const again: Journal = await openTestJournal(t, path, { onRescued: () => assert.fail('a full disk damages nothing') });
  assert.deepEqual(idsOf(again), accepted);
});

async function takesAgain(next: () => Promise<void>): Promise<void> {
  await poll(
    async () => {
      try {
        await next();
        return true;
      } catch (error) {
        assert.ok(isRefusal(error), String(error));
        return undefined;
      }
    },
    { deadlineMs: 30_000, what: 'the journal to take an event' },
  );
}

function isRefusal(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not_accepting' && (error.retryAfterSeconds ?? 0) > 0;
}

/** Mounted for the test; undefined, with the test skipped, where it cannot be. */
function openDisk(t: TestContext): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'visapi-small-disk-'));
  const disk = mountSmallDisk(path, DISK_BYTES);
  t.after(() => {
    if (typeof disk !== 'string') disk.remove();
    rmSync(path, { recursive: true, force: true });
  });
  if (typeof disk !== 'string') return disk;
  t.skip(disk);
  return undefined;
}
