import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../core/manual-clock.ts';
import { GroupCommit } from './group-commit.ts';

test('calls that share items begin a pace apart, and one after the other they wait for nothing', async () => {
  const clock = new ManualClock();
  const calls: { at: number; items: string }[] = [];
  const group = new GroupCommit<string>(
    (items) => {
      calls.push({ at: clock.monotonic(), items: items.join('') });
      return Promise.resolve();
    },
    { paceMs: 8, clock },
  );
  const add = async (items: string): Promise<void> => {
    for (const item of items) group.add(item);
    await clock.turns(3);
  };
  await add('a');
  await add('b');
  await clock.advance(1);
  await add('cd');
  await clock.advance(3);
  await add('e');
  await clock.advance(4);
  await add('f');
  await clock.advance(20);
  await add('x'.repeat(24));
  await add('y'.repeat(24));
  await group.idle();
  assert.deepEqual(calls, [
    { at: 0, items: 'a' },
    { at: 0, items: 'b' },
    { at: 8, items: 'cde' },
    // The last call had three: more may be on their way.
    { at: 16, items: 'f' },
    { at: 28, items: 'x'.repeat(24) },
    { at: 28, items: 'y'.repeat(24) },
  ]);
});
