import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, Registry } from 'prom-client';
import { seededRandom } from '../core/seeded-random.ts';
import { testSeed } from '../dev/test-seed.ts';
import { TalliedHistogram } from './tallied-histogram.ts';

const LABELS = ['actor', 'priority'] as const;
const OPTIONS = { name: 'seconds', help: 'Seconds', labelNames: LABELS, buckets: [0.001, 0.25, 1, 30] };

test('values that are tallied give what values that are observed give, whenever they are read', async () => {
  const random = seededRandom(testSeed);
  const [expected, got] = [new Registry(), new Registry()];
  const plain = new Histogram({ ...OPTIONS, registers: [expected] });
  const tallied = new TalliedHistogram({ ...OPTIONS, registers: [got] });
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 1_000; count += 1) {
      const labels = { priority: random() < 0.5 ? 'bulk' : 'default', actor: random() < 0.5 ? 'slack' : 'email' };
      // Binary fractions, whose sum is the same in any order; some are a bucket's bound, some above the last.
      const value = Math.floor(random() * 256) / 4;
      plain.observe(labels, value);
      tallied.tally(labels, value);
    }
    assert.equal(await got.metrics(), await expected.metrics());
    assert.deepEqual((await tallied.get()).values, (await plain.get()).values);
  }
});

test('a series that was observed before it is tallied loses no value', async () => {
  const histogram = new TalliedHistogram({ ...OPTIONS, registers: [] });
  const labels = { actor: 'slack', priority: 'bulk' };
  histogram.observe({ ...labels }, 1);
  for (let value = 0; value < 3; value += 1) histogram.tally(labels, value);
  const { values } = await histogram.get();
  assert.equal(values.find(({ metricName }) => metricName === 'seconds_count')?.value, 4);
});
