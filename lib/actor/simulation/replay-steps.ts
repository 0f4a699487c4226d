import assert from 'node:assert/strict';
import { seededRandom } from '../../core/seeded-random.ts';
import { ReplayWorld } from './replay-world.ts';

/** What somebody does with a lane, or what happens to it. */
export type ReplayStep =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'send'; readonly keys: readonly string[] }
  | { readonly kind: 'in-place'; readonly share: number; readonly isSlow: boolean }
  | { readonly kind: 'slice'; readonly share: number }
  /** `isBelow`: to what is through. Further up it may pass over what nobody has handled, see docs/limits.md. (Default: to anywhere) */
  | { readonly kind: 'reset'; readonly share: number; readonly isBelow?: boolean }
  | { readonly kind: 'abort' | 'pause' | 'resume'; readonly at: number }
  | { readonly kind: 'past' | 'steal' | 'forget' | 'kill' };

/** Far above what a lane needs to see that its consumer stands somewhere else: it looks every five seconds. */
export const LIVE_WITHIN_MS = 15_000;
const OVER_WITHIN_MS = 60_000;
/** What was handled a moment before is not replayed: it is not settled yet. */
const SETTLED_WITHIN_MS = 250;

/** A lane that has twelve messages behind it. */
export async function openHandledWorld(seed: number): Promise<ReplayWorld> {
  const world = new ReplayWorld(seededRandom(seed));
  await world.clock.advance(200);
  for (const key of 'abcdabcdabcd') await world.send(key);
  await world.clock.advance(500);
  return world;
}

/** Does the steps, and throws where something is left out, a replay does not end, or what is live does not go on. */
export async function playReplays(
  world: ReplayWorld,
  steps: readonly ReplayStep[],
  note: (text: string) => void = () => undefined,
): Promise<void> {
  for (const step of steps) {
    note(`${String(world.clock.monotonic()).padStart(6)} ms  ${JSON.stringify(step)}; ${world.handled.length} were handled`);
    await take(world, step);
  }
  await assertGoesOn(world);
}

/** A world that chance plays with; the same seed makes the same one. */
export async function runReplayWorld(seed: number): Promise<{ readonly violations: readonly string[]; readonly trace: readonly string[] }> {
  const random = seededRandom(seed);
  const trace: string[] = [];
  const drawn = Array.from({ length: between(random, 2, 12) }, () => drawStep(random));
  // A reset that meets another one, or a replay, on their way may pass over what is in between, see docs/limits.md.
  const first = drawn.findIndex(({ kind }) => kind === 'reset' || kind === 'in-place');
  const steps = drawn.filter(({ kind }, index) => kind !== 'reset' || index <= first);
  const world = await openHandledWorld(between(random, 0, 2 ** 31));
  try {
    await playReplays(world, steps, (text) => trace.push(text));
    return { violations: [], trace };
  } catch (error) {
    if (!(error instanceof assert.AssertionError)) throw error;
    for (const { seq, key, replay, at } of world.handled)
      trace.push(`${String(at).padStart(6)} ms  ${key} ${seq} was handled${replay === undefined ? '' : ` for ${replay}`}`);
    return { violations: [error.message], trace: trace.toSorted() };
  } finally {
    world.end();
  }
}

function drawStep(random: () => number): ReplayStep {
  const draw = <Value>(values: readonly Value[]): Value => values[between(random, 0, values.length - 1)]!;
  const kinds = [
    'wait',
    'wait',
    'wait',
    'send',
    'send',
    'in-place',
    'in-place',
    'slice',
    'abort',
    'pause',
    'resume',
    'reset',
    'reset',
  ] as const;
  const kind = draw([...kinds, draw(['past', 'steal', 'forget', 'kill'] as const)]);
  switch (kind) {
    case 'wait':
      return { kind, ms: draw([between(random, 0, 60), between(random, 0, 2_500)]) };
    case 'send':
      return { kind, keys: Array.from({ length: between(random, 1, 12) }, () => draw(['a', 'b', 'c', 'd'])) };
    case 'in-place':
      return { kind, share: random(), isSlow: random() < 0.5 };
    case 'slice':
      return { kind, share: random() };
    case 'reset':
      return { kind, share: random(), isBelow: true };
    case 'abort':
    case 'pause':
    case 'resume':
      return { kind, at: between(random, 0, 3) };
    case 'past':
    case 'steal':
    case 'forget':
    case 'kill':
      return { kind };
  }
}

function between(random: () => number, first: number, last: number): number {
  return first + Math.floor(random() * (last - first + 1));
}

async function take(world: ReplayWorld, step: ReplayStep): Promise<void> {
  switch (step.kind) {
    case 'wait':
      return await world.clock.advance(step.ms);
    case 'send':
      for (const key of step.keys) await world.send(key);
      return;
    case 'in-place':
      return world.replay(seqAt(world, step.share), null, step.isSlow);
    case 'slice':
      return world.replay(seqAt(world, step.share), world.lastSeq);
    case 'abort':
      return world.abort(step.at);
    case 'pause':
    case 'resume':
      return world.setPaused(step.at, step.kind === 'pause');
    case 'reset':
      return world.reset(step.isBelow === true ? Math.min(seqAt(world, step.share), handledUpTo(world)) : seqAt(world, step.share));
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

/** Everything up to this sequence was handled. */
function handledUpTo({ handled }: ReplayWorld): number {
  const seqs = new Set(handled.map(({ seq }) => seq));
  let last = 1;
  while (seqs.has(last + 1)) last++;
  return last;
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
