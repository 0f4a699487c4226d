import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTokenBucket } from './token-bucket.ts';

const passed = (times: readonly number[], options = { ratePerSecond: 10, burst: 3 }): number => {
  const bucket = createTokenBucket(options);
  return times.filter((at) => bucket.take(at)).length;
};

test('the burst passes at once, then the rate', () => {
  assert.equal(passed([0, 0, 0, 0, 0]), 3);
  assert.equal(passed([0, 0, 0, 0, 100, 100, 200]), 5);
  assert.equal(passed([0, 0, 0, ...Array.from({ length: 1_000 }, (_, at) => at)]), 3 + 9);
});

test('a pause gives the burst again and no more', () => {
  assert.equal(passed([0, 0, 0, 60_000, 60_000, 60_000, 60_000]), 6);
});

test('what costs more takes the room of many, and at most the whole burst', () => {
  const bucket = createTokenBucket({ ratePerSecond: 10, burst: 3 });
  assert.deepEqual([bucket.take(0, 2), bucket.take(0, 2), bucket.take(0)], [true, false, true]);
  assert.deepEqual([bucket.take(299, 100), bucket.take(300, 100), bucket.take(300)], [false, true, false]);
});
