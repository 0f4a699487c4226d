import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '../core/manual-clock.ts';
import type { Confirmed } from './journal.ts';
import { createRelayForgetter } from './relay-forgetter.ts';

function openForgetter() {
  const clock = new ManualClock();
  const groups: number[] = [];
  const disk = { isFull: false };
  const forgetter = createRelayForgetter({
    journal: {
      async forget(confirmed: readonly Confirmed[]) {
        if (disk.isFull) throw new Error('no space left');
        await setImmediate();
        groups.push(confirmed.length);
      },
    },
    clock,
    readBackFrom: () => 1,
    onFailed: () => undefined,
  });
  let last = 0;
  const add = (count: number): void => {
    for (let left = count; left > 0; left -= 1) forgetter.add((last += 1));
  };
  return { clock, forgetter, groups, disk, add };
}

test('few are forgotten together, five times in a second', async () => {
  const { clock, groups, add } = openForgetter();
  for (let ms = 0; ms < 1_000; ms += 10) {
    add(3);
    await clock.advance(10);
  }
  await clock.advance(1_000);
  assert.equal(
    groups.reduce((sum, count) => sum + count),
    300,
  );
  assert.ok(groups.length >= 4 && groups.length <= 6, `${groups.length} groups`);
});

test('many are not left to become too many for one transaction', async () => {
  const { forgetter, groups, add } = openForgetter();
  for (let turn = 0; turn < 20; turn += 1) {
    add(50);
    await setImmediate();
  }
  await forgetter.flush();
  assert.equal(
    groups.reduce((sum, count) => sum + count),
    1_000,
  );
  assert.ok(groups.length >= 5 && Math.max(...groups) < 300, groups.join(' '));
});

test('what the disk does not take is tried again, and after the end nothing is', async () => {
  const { clock, forgetter, groups, disk, add } = openForgetter();
  disk.isFull = true;
  add(500);
  await clock.advance(2_000);
  assert.deepEqual([groups, forgetter.isPending(500)], [[], true]);
  disk.isFull = false;
  await clock.advance(500);
  assert.deepEqual([groups.reduce((sum, count) => sum + count, 0), forgetter.isPending(500)], [500, false]);
  add(500);
  forgetter.stop();
  await clock.advance(2_000);
  assert.ok(forgetter.isPending(1_000));
});
