import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../../dev/test-seed.ts';
import { scaled } from '../../dev/test-scale.ts';
import { runActorWorld } from './actor-world.ts';
import { runReplayWorld } from './replay-steps.ts';

const WORLDS = scaled({ day: 8, night: 1_000 });

/**
 * Seeds of `npm run simulate` that fail without a guard: 20270042 and 20270173 start handlers when the lease is over; in 777720 a message
 * that was never started is called a crashing one.
 */
const KEPT_SEEDS = [20_270_042, 20_270_173, 777_720];

test('whatever is killed, paused, cut off, frozen or lost, every message ends once, in the order of its key, and no effect is repeated', async () => {
  const seeds = [...KEPT_SEEDS, ...Array.from({ length: WORLDS }, (_, index) => testSeed + index)];
  for (const seed of seeds) assert.deepEqual((await runActorWorld(seed)).violations, [], `npm run simulate -- --seed ${seed}`);
});

test('the same seed makes the same world', async () => {
  for (const run of [runActorWorld, runReplayWorld]) {
    const first = await run(testSeed, true);
    const second = await run(testSeed, true);
    assert.ok(first.trace.length > 0);
    assert.deepEqual(second.trace, first.trace);
  }
});
