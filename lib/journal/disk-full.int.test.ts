import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { AppError } from '../core/app-error.ts';
import { poll } from '../dev/poll.ts';
import type { Journal } from './journal.ts';
import { idsOf, offer, openTestJournal } from './test-journal.ts';

/** The journal refuses without trying for half a second. */
const PAUSE_MS = 600;

/** The journal's reserve of 2 MB, and about as much again. */
const DISK_BYTES = 6_000_000;

test('on a full disk nothing is taken and nothing is lost; relaying goes on, and the journal takes again when there is room', async (t) => {
  const disk = mountSmallDisk(t);
  if (disk.reason !== undefined) {
    t.skip(disk.reason);
    return;
  }
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
  const filler = join(disk.path, 'filler');
  // Many small ones: their removal changes many pages.
  await Promise.all(Array.from({ length: 600 }, () => next(1_000)));
  // Somebody else takes all that is left.
  fillUp(filler, disk.path);
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
  rmSync(filler);
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
    { deadlineMs: 5_000, what: 'the journal to take an event' },
  );
}

function isRefusal(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not_accepting' && (error.retryAfterSeconds ?? 0) > 0;
}

function fillUp(file: string, path: string): void {
  const { bavail, bsize } = statfsSync(path);
  writeFileSync(file, Buffer.alloc(Number(bavail) * Number(bsize)));
}

function mountSmallDisk(t: TestContext): { path: string; reason: string | undefined } {
  const path = mkdtempSync(join(tmpdir(), 'visapi-small-disk-'));
  const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', path], { encoding: 'utf8' });
  const reason = status === 0 ? undefined : `a small disk cannot be mounted here: ${error?.message ?? stderr.trim()}`;
  t.after(() => {
    if (reason === undefined) spawnSync('umount', ['-l', path]);
    rmSync(path, { recursive: true, force: true });
  });
  return { path, reason };
}
