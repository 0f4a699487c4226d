import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSamples, median, percentile } from './samples.ts';

test('a percentile is the smallest sample that this share of all is not above', () => {
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  assert.deepEqual([percentile(sorted, 0.5), percentile(sorted, 0.99), percentile(sorted, 0.999)], [50, 99, 100]);
  assert.equal(percentile(Float64Array.of(7), 0.01), 7);
  assert.ok(Number.isNaN(percentile(new Float64Array(), 0.5)));
});

test('the median is the middle of the rounds, whatever their order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('samples are kept beyond the room that was there at first', () => {
  const samples = createSamples();
  for (let value = 0; value < 200_000; value += 1) samples.add(value);
  const all = samples.toArray();
  assert.equal(all.length, 200_000);
  assert.equal(all[199_999], 199_999);
});
