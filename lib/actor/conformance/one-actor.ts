import assert from 'node:assert/strict';
import type { ActorDefinition } from '../define-actor.ts';
import type { Emit } from '../message.ts';
import { type ConformanceBench, until, type Property } from './bench.ts';
import { type Gap, watchActor, type Watched } from './watched-actor.ts';

/** What an actor is tried with. */
export interface ActorTrial {
  readonly actor: ActorDefinition;
  /** Messages that it takes, at least one; each with an id of its own. */
  readonly samples: readonly Emit[];
}

/** Far more than a handler needs, and less than anybody's patience. */
const STOP_MS = 1_000;

/**
 * What a handler must make true so that the runtime's promises hold for it, as named properties: whatever actor it is, and
 * whatever broker and record are below it.
 */
export function describeOneActor(property: Property, { actor, samples }: ActorTrial): void {
  const name = `actor ${actor.name}`;

  property(`${name}: every sample comes to an end, or waits for a time`, async (bench) => {
    const watched = watchActor(actor);
    const running = bench.start([watched.definition]);
    await ready(running);
    for (const sample of samples) await bench.publish(sample);
    await allEnded(bench, [watched], samples);
    await running.stop();
  });

  property(`${name}: bytes that are no input are no danger to the next message of their key`, async (bench) => {
    const watched = watchActor(actor);
    const running = bench.start([watched.definition]);
    await ready(running);
    const [sample] = samples;
    assert.ok(sample !== undefined, 'expected a sample');
    const broken = { ...sample, id: `${sample.id}/broken`, body: Buffer.from([0xff, 0x00, 0x7b]) };
    await bench.publish(broken);
    await bench.publish(sample);
    await allEnded(bench, [watched], [broken, sample]);
    await running.stop();
  });

  property(`${name}: one key is handled one at a time and in order`, async (bench) => {
    const watched = watchActor(actor);
    const running = bench.start([watched.definition]);
    await ready(running);
    const rounds = [1, 2, 3].flatMap((round) => samples.map((sample) => ({ ...sample, id: `${sample.id}/round-${round}` })));
    for (const sample of rounds) await bench.publish(sample);
    await allEnded(bench, [watched], rounds);
    assert.deepEqual(watched.overlaps, [], 'handlers of one key ran beside each other');
    if (actor.order !== 'none') assertInOrder(watched, rounds);
    await running.stop();
  });

  property(`${name}: stopped in the middle it is gone in time, and the message is not`, async (bench) => {
    const [sample] = samples;
    assert.ok(sample !== undefined, 'expected a sample');
    let stopped: Promise<void> | undefined;
    const first = watchActor(actor, (gap) => {
      if (gap === 'received') stopped ??= running.stop(STOP_MS);
    });
    const running = bench.start([first.definition]);
    await ready(running);
    await bench.publish(sample);
    await until('it was told to stop', () => stopped !== undefined);
    const begun = performance.now();
    await stopped;
    assert.ok(performance.now() - begun < 3 * STOP_MS, 'it did not stop in time: does receive obey context.signal?');
    const second = watchActor(actor);
    const again = bench.start([second.definition]);
    await allEnded(bench, [second, first], [sample]);
    await again.stop();
  });

  property(`${name}: a turn that is tried again asks for the same outputs and repeats no effect`, async (bench) => {
    const [sample] = samples;
    assert.ok(sample !== undefined, 'expected a sample');
    let hasFailed = false;
    const watched = watchActor({ ...actor, retry: { attempts: 3, delayMs: () => 10 } }, (gap) => {
      if (gap !== 'decided' || hasFailed) return;
      hasFailed = true;
      throw new Error('tried again by its test');
    });
    const running = bench.start([watched.definition]);
    await ready(running);
    await bench.publish(sample);
    await until('it was tried again', () => watched.begun.length > 1 || watched.verdictOf(sample.id) !== undefined);
    await until('it has come to an end', () => watched.verdictOf(sample.id) !== undefined);
    const [first, second] = [1, 2].map((attempt) => watched.outputs.filter((output) => output.attempt === attempt).map(({ id }) => id));
    assert.deepEqual(second, first, 'the ids of outputs have to come from the message, not from chance or the clock');
    assertOnce(watched.runs);
    await running.stop();
  });

  for (const gap of ['received', 'effect-ran', 'decided'] as const)
    property(`${name}: killed at "${gap}" it repeats no effect that is recorded`, async (bench) => {
      const [sample] = samples;
      assert.ok(sample !== undefined, 'expected a sample');
      const first = await killAt(bench, actor, gap, sample);
      const second = watchActor(actor);
      const running = bench.start([second.definition]);
      await allEnded(bench, [second, first], [sample]);
      assertOnce([...first.runs, ...second.runs]);
      await running.stop();
    });
}

/** Starts it, and kills it where the sample's first handler comes to the gap; an actor without effects may never come there. */
async function killAt(bench: ConformanceBench, actor: ActorDefinition, gap: Gap, sample: Emit) {
  let isDead = false;
  const first = watchActor(actor, (at) => {
    if (at !== gap || isDead) return undefined;
    isDead = true;
    running.kill();
    // What a dead process does next, nobody sees.
    return new Promise<void>(() => undefined);
  });
  const running = bench.start([first.definition]);
  await ready(running);
  await bench.publish(sample);
  await until(`it was killed at ${gap}, or has no such place`, async () => isDead || (await hasEnded(bench, [first], sample)));
  if (!isDead) await running.stop();
  return first;
}

async function ready({ status }: { status: () => { units: number; openUnits: number } }): Promise<void> {
  await until('its units are open', () => status().units > 0 && status().openUnits === status().units);
}

/** `lives`: of the actor, one for each of its processes. */
async function allEnded(bench: ConformanceBench, lives: readonly Watched[], samples: readonly Emit[]): Promise<void> {
  await until('every message has come to an end', async () => {
    for (const sample of samples) if (!(await hasEnded(bench, lives, sample))) return false;
    return true;
  });
}

/** Done, a dead letter, parked, or with an effect of which nobody knows: then a person is asked. */
async function hasEnded(bench: ConformanceBench, lives: readonly Watched[], { id }: Emit): Promise<boolean> {
  if (lives.some((life) => life.verdictOf(id)?.kind === 'done')) return true;
  if ((await bench.deadLetters()).some((letter) => letter.messageId === id)) return true;
  if ((await bench.parked()).some((row) => row.messageId === id)) return true;
  const effects = new Set(lives.flatMap(({ runs }) => runs.map((run) => run.id)));
  for (const effect of effects) if (effect.startsWith(`${id}/`) && (await bench.effect(effect))?.state === 'held') return true;
  return false;
}

/** Retries aside: each message's first start, per mailbox, is in the order of the log. */
function assertInOrder({ begun }: Watched, published: readonly Emit[]): void {
  const mailboxes = new Map<string, string[]>();
  for (const { id, key } of begun) {
    const ids = mailboxes.get(key) ?? [];
    if (!ids.includes(id)) mailboxes.set(key, [...ids, id]);
  }
  for (const [key, ids] of mailboxes)
    assert.deepEqual(
      ids,
      published.map(({ id }) => id).filter((id) => ids.includes(id)),
      `order of ${key}`,
    );
}

function assertOnce(runs: Watched['runs']): void {
  const byId = Map.groupBy(runs, ({ id }) => id);
  for (const [id, all] of byId) {
    assert.ok(all.slice(1).every(({ repeated }) => repeated) && all.length <= 2, `effect ${id} ran ${all.length} times`);
    assert.equal(new Set(all.map(({ idempotencyKey }) => idempotencyKey)).size, 1, `effect ${id}: one idempotency key`);
  }
}
