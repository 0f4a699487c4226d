import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LastHands, type Suspicion } from './last-hands.ts';

function takeOver(
  lane: { slots?: number; capacity?: number; deliveredBefore: number | undefined },
  ...keys: readonly string[]
): Suspicion[] {
  const hands = new LastHands(lane.slots ?? 64);
  const last = { stream: 'COMMANDS', priority: 'default', deliveredBefore: lane.deliveredBefore } as const;
  hands.add(last, lane.capacity ?? 256);
  return keys.map((key, at) => hands.judge(last, 10 + at, key, false));
}

test('what stood first of its key was started, what stood behind was not, and what came later was in no hand', () => {
  assert.deepEqual(takeOver({ deliveredBefore: 13 }, 'a', 'b', 'a', 'c', 'd'), ['started', 'started', 'delivered', 'started', 'none']);
  assert.deepEqual(takeOver({ deliveredBefore: 5 }, 'a'), ['none']);
});

test('no more were started than there are slots', () => {
  assert.deepEqual(takeOver({ deliveredBefore: 99, slots: 2 }, 'a', 'b', 'c', 'a'), ['started', 'started', 'delivered', 'delivered']);
});

test('where the log has forgotten how far it was, as much as fits into a lane may have been in hand, and of nothing is it known', () => {
  assert.deepEqual(takeOver({ deliveredBefore: undefined, capacity: 2 }, 'a', 'b', 'c'), ['delivered', 'delivered', 'none']);
});

test('a message behind a parked one of its key, and a lane that nobody had, were not started', () => {
  const hands = new LastHands(64);
  const lane = { stream: 'COMMANDS', priority: 'default', deliveredBefore: 20 } as const;
  hands.add(lane, 256);
  assert.equal(hands.judge(lane, 10, 'a', true), 'delivered');
  assert.equal(hands.judge(lane, 11, 'a', false), 'delivered');
  assert.equal(hands.judge({ ...lane, priority: 'bulk' }, 12, 'b', false), 'none');
});
