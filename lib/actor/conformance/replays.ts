import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { ActorDefinition } from '../define-actor.ts';
import { done, reject, retry } from '../verdict.ts';
import { actor, until, type BenchReplay, type ConformanceBench, type Property } from './bench.ts';

const SLICE: BenchReplay = { id: 'r1', actor: 'tester', partition: 0, priority: 'default', fromSeq: 1, untilSeq: 6 };
/** Far longer than an owner takes to see it. */
const RESET_SEEN_MS = 10_000;
const BODIES = ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'];

/** Parts of the log handled once more. */
export function describeReplays(property: Property): void {
  property('a slice is handled once more, in the order of each key, and effects that are done are skipped', async (bench) => {
    const handled: string[] = [];
    const sent: string[] = [];
    const definition = actor(async (body, context) => {
      await context.effect('send', () => Promise.resolve(sent.push(body)));
      handled.push(context.message.replay === undefined ? body : `again ${body}`);
      return done();
    });
    const running = await handle(bench, definition, handled);
    await bench.replay(SLICE);
    await isOver(bench, 'r1');
    assert.deepEqual(ofKey(handled, 'again a'), ['again a1', 'again a2', 'again a3']);
    assert.deepEqual(ofKey(handled, 'again b'), ['again b1', 'again b2', 'again b3']);
    assert.deepEqual(sent, BODIES);
    await bench.replay({ ...SLICE, id: 'r2', fromSeq: 3, untilSeq: 4, repeat: ['tester'] });
    await isOver(bench, 'r2');
    assert.deepEqual(sent.slice(6).toSorted(), ['a2', 'b2']);
    await running.stop();
  });

  property('a slice that is cut off by kills is handled once more, none twice', async (bench) => {
    const handled: string[] = [];
    const definition = actor(async (body, context) => {
      await wait(2);
      // What is not settled is not published.
      context.emit({
        id: `${context.message.replay?.id ?? 'live'}/${body}/${Math.random()}`,
        subject: bench.subjectTo('nobody', 'x'),
        key: 'x',
        headers: {},
        body: Buffer.from(body),
      });
      handled.push(body);
      return done();
    });
    const bodies = Array.from({ length: 40 }, (_, n) => `${'abcd'[n % 4]}${n}`);
    let running = await handle(bench, definition, handled, bodies);
    await until('all of it is published', async () => (await bench.outboxSize()) === 0);
    await bench.replay({ ...SLICE, untilSeq: (await bench.messages('COMMANDS')).length });
    for (const count of [50, 60, 70]) {
      await until(`${count} are handled`, () => handled.length >= count);
      running.kill();
      running = bench.start([definition]);
    }
    await isOver(bench, 'r1');
    await until('all of it is published', async () => (await bench.outboxSize()) === 0);
    const again = (await bench.messages('COMMANDS'))
      .filter(({ id }) => id.startsWith('r1/'))
      .map(({ body }) => Buffer.from(body).toString());
    assert.deepEqual(again.toSorted(), bodies.toSorted());
    for (const key of 'abcd') assert.deepEqual(ofKey(again, key), ofKey(bodies, key));
    await running.stop();
  });

  property('what waits is not overtaken by its own replay, and what is live goes on beside it', async (bench) => {
    const handled: string[] = [];
    let isWaiting = true;
    const definition = actor(
      (body, { message }) => {
        if (body === 'a2' && isWaiting) return retry({ because: 'not yet', afterMs: 50 });
        handled.push(message.replay === undefined ? body : `again ${body}`);
        return done();
      },
      { retry: { attempts: 1_000, delayMs: () => 50 } },
    );
    const running = bench.start([definition]);
    await sendAll(bench, BODIES);
    assert.deepEqual(ofKey(handled, 'b'), ['b1', 'b2', 'b3']);
    await until('a waits', async () => (await bench.parked()).length === 2);
    await bench.replay(SLICE);
    await until('the slice is over', async () => (await bench.replayed('r1'))?.isEnded === true);
    assert.deepEqual(await counts(bench, 'r1'), { handled: 4, skipped: 2 });
    isWaiting = false;
    await until('a is done', () => handled.includes('a3'));
    assert.deepEqual(ofKey(handled, 'a'), ['a1', 'a2', 'a3']);
    await running.stop();
  });

  property('a replayed message that fails waits, and given up again it is a dead letter of the next round', async (bench) => {
    let attempts = 0;
    const definition = actor((body, { message }) => {
      if (body !== 'a1') return done();
      if (message.replay !== undefined && attempts++ === 0) return retry({ because: 'once' });
      return reject('refused', 'no');
    });
    const running = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: 'a1', id: 'p1' });
    await bench.send({ actor: 'tester', key: 'a', body: 'a2' });
    await until('it is dead', async () => (await bench.messages('DEAD_LETTERS')).length === 1);
    await bench.replay({ ...SLICE, untilSeq: 2 });
    await isOver(bench, 'r1');
    assert.deepEqual((await bench.deadLetters()).map(({ id }) => id).toSorted(), ['tester:p1:0', 'tester:p1:1']);
    assert.equal(attempts, 2);
    await running.stop();
  });

  property('in place everything from the sequence is handled once more, then what is live, over a kill', async (bench) => {
    const handled: string[] = [];
    const definition = actor(async (body, { message }) => {
      await wait(2);
      handled.push(message.replay === undefined ? body : `again ${body}`);
      return done();
    });
    const first = await handle(bench, definition, handled);
    await bench.replay({ ...SLICE, id: 'r1', fromSeq: 3, untilSeq: null });
    await until('it has begun', () => handled.some((body) => body.startsWith('again')));
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    first.kill();
    const second = bench.start([definition]);
    await isOver(bench, 'r1');
    await until('what is live comes behind', () => handled.includes('a4'));
    assert.deepEqual(await counts(bench, 'r1'), { handled: 4, skipped: 0 });
    assert.deepEqual([...new Set(ofKey(handled, 'again a'))], ['again a2', 'again a3']);
    await second.stop();
  });

  property('replays in place of one lane come one after the other, in the order in which they were asked for', async (bench) => {
    const handled: string[] = [];
    const definition = actor((body, { message }) => {
      handled.push(`${message.replay?.id ?? 'live'} ${body}`);
      return done();
    });
    const running = await handle(bench, definition, handled);
    for (const id of ['r1', 'r2']) await bench.replay({ ...SLICE, id, fromSeq: 5, untilSeq: null });
    await isOver(bench, 'r1');
    await isOver(bench, 'r2');
    assert.deepEqual(handled.slice(6, 8).toSorted(), ['r1 a3', 'r1 b3']);
    assert.deepEqual(handled.slice(8).toSorted(), ['r2 a3', 'r2 b3']);
    await running.stop();
  });

  property('a reset by hand is a replay, also where no owner ran; one past what was handled is put back', async (bench) => {
    const handled: string[] = [];
    const definition = actor((body, { message }) => {
      handled.push(message.replay === undefined ? body : `again ${body}`);
      return done();
    });
    const first = await handle(bench, definition, handled);
    await resetUntil(bench, 5, () => handled.length > 6);
    await until('it is replayed', () => handled.length === 8);
    assert.deepEqual(handled.slice(6), ['again a3', 'again b3']);
    await isOver(bench, 'hand-');
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    await until('what is live goes on', () => handled.includes('a4'));
    await first.stop();
    await bench.reset('tester', 'default', 0, 6);
    const second = bench.start([definition]);
    await until('it is replayed', () => handled.length === 11);
    assert.deepEqual(handled.slice(9), ['again b3', 'again a4']);
    await second.stop();

    await bench.send({ actor: 'tester', key: 'a', body: 'a5' });
    await bench.send({ actor: 'tester', key: 'a', body: 'a6' });
    await bench.reset('tester', 'default', 0, 9);
    const third = bench.start([definition]);
    await until('nothing is left out', () => handled.includes('a6'));
    assert.deepEqual(handled.slice(11), ['a5', 'a6']);
    await third.stop();
  });

  property('a broker that has forgotten everything is not taken for a person', async (bench) => {
    const handled: string[] = [];
    const definition = actor((body) => {
      handled.push(body);
      return done();
    });
    const first = await handle(bench, definition, handled);
    await first.stop();
    await bench.forgetConsumers();
    const second = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    await until('what is new is handled', () => handled.includes('a4'));
    assert.deepEqual(handled, [...BODIES, 'a4']);
    assert.equal(await bench.replayed('hand-'), undefined);
    await second.stop();
  });
}

/** Has everything handled once. */
async function handle(bench: ConformanceBench, definition: ActorDefinition, handled: readonly string[], bodies = BODIES) {
  const running = bench.start([definition]);
  await sendAll(bench, bodies);
  assert.equal(handled.length, bodies.length);
  return running;
}

/** Sends them to the one lane, and waits until each is recorded as settled or parked: what is still in hand, a replay skips. */
async function sendAll(bench: ConformanceBench, bodies: readonly string[]): Promise<void> {
  const seqs: number[] = [];
  for (const body of bodies) seqs.push((await bench.send({ actor: 'tester', key: body[0]!, body })).seq);
  await until('all are settled', async () => await bench.isSettled('tester', 'default', 0, seqs));
}

/** The owner may be about to point the consumer itself, and then it does not see the reset: whoever resets looks, and does it again. */
async function resetUntil(bench: ConformanceBench, seq: number, isSeen: () => boolean): Promise<void> {
  let dueAt = 0;
  await until('the reset is seen', async () => {
    if (performance.now() > dueAt && !isSeen()) {
      await bench.reset('tester', 'default', 0, seq);
      dueAt = performance.now() + RESET_SEEN_MS;
    }
    return isSeen();
  });
}

async function isOver(bench: ConformanceBench, id: string): Promise<void> {
  await until('the replay is over', async () => (await bench.replayed(id))?.isEnded === true && (await bench.parked()).length === 0);
}

async function counts(bench: ConformanceBench, id: string): Promise<{ handled: number; skipped: number }> {
  const { handled = 0, skipped = 0 } = (await bench.replayed(id)) ?? {};
  return { handled, skipped };
}

function ofKey(bodies: readonly string[], key: string): string[] {
  return bodies.filter((body) => body.startsWith(key) && body.length <= key.length + 2);
}
