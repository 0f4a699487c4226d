import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { scaled } from '../dev/test-scale.ts';
import { LIVE_WITHIN_MS, openHandledWorld, playReplays } from './simulation/replay-steps.ts';

const RUNS = scaled({ day: 20, night: 1_000 });

const share = fc.double({ min: 0, max: 1, noNaN: true });
const at = fc.nat({ max: 3 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 2_500 })) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('in-place' as const), share, isSlow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slice' as const), share }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('abort' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const), at }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reset' as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('past' as const, 'steal' as const, 'forget' as const, 'kill' as const) }) },
);

test('whatever comes between replays, aborts, resets by hand, kills and losses: nothing is left out, each replay ends, what is live goes on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 30 }), fc.integer(), async (steps, seed) => {
      const world = await openHandledWorld(seed);
      try {
        await playReplays(world, steps);
      } finally {
        world.end();
      }
    }),
    { numRuns: RUNS },
  );
});

test('a reset by hand at any time after a replay in place was aborted is heard, but where its owner points the consumer at that moment', async () => {
  let unheard = 0;
  const delays = Array.from({ length: 20 }, (_, index) => index * 80);
  for (const delayMs of delays) {
    const world = await openHandledWorld(delayMs);
    world.replay(1, null, true);
    await world.until('it has begun', 5_000, () => world.handled.some(({ replay }) => replay === 'r0'));
    world.abort(0);
    await world.clock.advance(delayMs);
    world.reset(3);
    await world.clock.advance(3_000);
    if (world.parts.length === 0) unheard++;
    else await world.until('it is over', LIVE_WITHIN_MS, () => world.parts.every(({ isEnded }) => isEnded));
    const live = await world.send('a');
    await world.until('what is live goes on', LIVE_WITHIN_MS, () => world.handled.some(({ seq }) => seq === live));
    world.end();
  }
  // Asking and pointing take a tenth of a second here, at most.
  assert.ok(unheard <= 3, `${unheard} of ${delays.length} were not heard`);
});

test('a reset by hand at any time after a replay in place was asked for: whichever comes last ends, and what is live goes on', async () => {
  for (let delayMs = 0; delayMs < 1_200; delayMs += 40) {
    const world = await openHandledWorld(delayMs);
    world.replay(1, null);
    await world.clock.advance(delayMs);
    world.reset(3);
    const live = await world.send('a');
    await world.until('what is live goes on', LIVE_WITHIN_MS, () => world.handled.some(({ seq }) => seq === live));
    await world.until('every replay is over', LIVE_WITHIN_MS, () => world.parts.every(({ isEnded }) => isEnded));
    world.end();
  }
});
