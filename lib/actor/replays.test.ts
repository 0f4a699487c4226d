import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scaled } from '../dev/test-scale.ts';
import { ReplayWorld } from './simulation/replay-world.ts';

/** Far above what a lane needs to see that its consumer stands somewhere else: it looks every five seconds. */
const LIVE_WITHIN_MS = 15_000;
const OVER_WITHIN_MS = 60_000;
/** What was handled a moment before is not replayed: it is not settled yet. */
const SETTLED_WITHIN_MS = 250;
const RUNS = scaled({ day: 60, night: 1_000 });

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
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

test('whatever comes between replays, aborts, resets by hand, kills and losses: nothing is left out, each replay ends, what is live goes on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 30 }), fc.integer(), async (steps, seed) => {
      const world = new ReplayWorld(chance(seed));
      try {
        await world.clock.advance(200);
        for (const key of 'abcdabcdabcd') await world.send(key);
        await world.clock.advance(500);
        for (const each of steps) await take(world, each);
        await assertGoesOn(world);
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
    const world = await openHandled(delayMs);
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
    const world = await openHandled(delayMs);
    world.replay(1, null);
    await world.clock.advance(delayMs);
    world.reset(3);
    const live = await world.send('a');
    await world.until('what is live goes on', LIVE_WITHIN_MS, () => world.handled.some(({ seq }) => seq === live));
    await world.until('every replay is over', LIVE_WITHIN_MS, () => world.parts.every(({ isEnded }) => isEnded));
    world.end();
  }
});

async function openHandled(seed: number): Promise<ReplayWorld> {
  const world = new ReplayWorld(chance(seed));
  await world.clock.advance(200);
  for (const key of 'abcdabcdabcd') await world.send(key);
  await world.clock.advance(500);
  return world;
}

async function take(world: ReplayWorld, each: Step): Promise<void> {
  switch (each.kind) {
    case 'wait':
      return await world.clock.advance(each.ms);
    case 'send':
      for (const key of each.keys) await world.send(key);
      return;
    case 'in-place':
      return world.replay(seqAt(world, each.share), null, each.isSlow);
    case 'slice':
      return world.replay(seqAt(world, each.share), world.lastSeq);
    case 'abort':
      return world.abort(each.at);
    case 'pause':
    case 'resume':
      return world.setPaused(each.at, each.kind === 'pause');
    case 'reset':
      return world.reset(seqAt(world, each.share));
    case 'past':
      return world.reset(world.lastSeq + 1_000);
    case 'steal':
      return world.steal();
    case 'forget':
      return world.forgetConsumers();
    case 'kill':
      return await world.kill();
  }
}

function seqAt({ lastSeq }: ReplayWorld, part: number): number {
  return 1 + Math.floor(part * (lastSeq - 1));
}

async function assertGoesOn(world: ReplayWorld): Promise<void> {
  const { handled } = world;
  for (let each = 0; each < 4; each++) world.setPaused(each, false);
  const isHeldUp = world.parts.some(({ kind, isEnded }) => kind === 'in-place' && !isEnded);
  for (const key of 'abcd') await world.send(key);
  await world.until('each message is handled for the first time', isHeldUp ? OVER_WITHIN_MS : LIVE_WITHIN_MS, () => {
    const first = handled.filter(({ replay }) => replay === undefined).map(({ seq }) => seq);
    return new Set(first).size === world.lastSeq;
  });
  await world.until('every replay is over', OVER_WITHIN_MS, () => world.parts.every(({ isEnded }) => isEnded));
  const byHand = world.parts.filter(({ options }) => options.id.startsWith('hand-'));
  assert.ok(byHand.length <= world.resets, `${byHand.length} replays by hand, of ${world.resets} resets`);
  for (const { options, fromSeq, floor, untilSeq } of world.parts) {
    // One that a reset by hand has ended has not been through.
    if (untilSeq === null || floor < untilSeq) continue;
    const since = world.begunAt(options.id) - SETTLED_WITHIN_MS;
    const again = new Set(
      handled.filter(({ replay, at }) => replay === options.id || (replay === undefined && at >= since)).map(({ seq }) => seq),
    );
    for (let seq = fromSeq; seq <= untilSeq; seq++)
      assert.ok(again.has(seq), `${options.id}, ${fromSeq} to ${untilSeq}: ${seq} was left out`);
  }
}

/** mulberry32: a failing run can be repeated. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
