import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { MAX_STATE_BYTES, type StateDefinition } from '../actor-state.ts';
import type { ActorDefinition } from '../define-actor.ts';
import { done, reject, retry } from '../verdict.ts';
import { actor, type ConformanceBench, FAST, type Property, until } from './bench.ts';

/** What a key has seen, in its order. */
const Seen = z.object({ seen: z.array(z.string()) });
type Seen = z.infer<typeof Seen>;
const SEEN: StateDefinition<Seen> = { version: 1, schema: Seen, initial: { seen: [] } };

async function seenBy(bench: ConformanceBench, key: string): Promise<string[] | undefined> {
  const stored = await bench.state('tester', key);
  return stored === undefined ? undefined : (JSON.parse(stored.json) as Seen).seen;
}

const remember = ({ seen }: Seen, body: string) => done({ state: { seen: [...seen, body] } });

/** What actors keep of their keys. */
export function describeStates(property: Property): void {
  property('a key sees what its last message left, other keys have their own, and null leaves nothing', async (bench) => {
    const running = bench.start([
      actor<Seen>((body, { state }) => (body === 'forget' ? done({ state: null }) : remember(state, body)), { state: SEEN }),
    ]);
    const bodies = ['a1', 'b1', 'a2', 'c1', 'a3', 'b2'];
    for (const body of bodies) await bench.send({ actor: 'tester', key: body[0]!, body });
    await until('all is recorded', async () => (await seenBy(bench, 'a'))?.length === 3 && (await seenBy(bench, 'b'))?.length === 2);
    assert.deepEqual(await seenBy(bench, 'a'), ['a1', 'a2', 'a3']);
    assert.deepEqual(await seenBy(bench, 'b'), ['b1', 'b2']);
    assert.equal((await bench.state('tester', 'a'))?.version, 1);
    await bench.send({ actor: 'tester', key: 'a', body: 'forget' });
    await until('it is gone', async () => (await seenBy(bench, 'a')) === undefined);
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    await until('it begins anew', async () => (await seenBy(bench, 'a')) !== undefined);
    assert.deepEqual(await seenBy(bench, 'a'), ['a4']);
    await running.stop();
  });

  property('state is settled with its message: after kills each message is in it once, and in order', async (bench) => {
    let handled = 0;
    const definition = actor<Seen>(
      async (body, { state }) => {
        await wait(1);
        handled++;
        return remember(state, body);
      },
      { state: SEEN, retry: { attempts: 100, delayMs: () => 1 } },
    );
    const bodies = Array.from({ length: 60 }, (_, n) => `${'abcd'[n % 4]}${n}`);
    for (const body of bodies) await bench.send({ actor: 'tester', key: body[0]!, body });
    for (const count of [7, 19, 33]) {
      const running = bench.start([definition]);
      await until(`${count} are handled`, () => handled >= count);
      running.kill();
    }
    const running = bench.start([definition]);
    const left = async (key: string): Promise<boolean> => (await seenBy(bench, key))?.length === 15;
    await until('all are in it', async () => (await Promise.all(['a', 'b', 'c', 'd'].map(left))).every(Boolean));
    await running.stop();
    for (const key of 'abcd')
      assert.deepEqual(
        await seenBy(bench, key),
        bodies.filter((body) => body.startsWith(key)),
      );
  });

  property('an owner that lost its unit writes no state, and the next one goes by its own', async (bench) => {
    let release: () => void = () => undefined;
    const begun: string[] = [];
    const definition = (name: string): ActorDefinition =>
      actor<Seen>(
        async (body, { state }) => {
          begun.push(name);
          if (name === 'old' && body === 'a2') await new Promise<void>((resolve) => (release = resolve));
          return remember(state, `${name}:${body}`);
        },
        { state: SEEN },
      );
    // As in the other property of a lost unit: the old owner does not notice for a long time.
    const old = bench.start([definition('old')], { owner: 'same', timing: { renewMs: 60_000, leaseMs: 120_000, fenceMs: 100_000 } });
    for (const body of ['a1', 'a2']) await bench.send({ actor: 'tester', key: 'a', body });
    await until('the old one has the second', () => begun.length === 2);
    const young = bench.start([definition('new')], { owner: 'same' });
    const expected = ['old:a1', 'new:a2'];
    await until('the new one has handled it', async () => (await seenBy(bench, 'a'))?.length === 2);
    release();
    await old.stop(100);
    await young.stop();
    assert.deepEqual(await seenBy(bench, 'a'), expected);
  });

  property(
    'what is tried again or given up leaves the state as it was, and what waits behind sees it, also after a kill',
    async (bench) => {
      let isOpen = false;
      const definition = actor<Seen>(
        (body, { state }) => {
          if (body === 'a2' && !isOpen) {
            // Its own copy, and gone with the attempt.
            state.seen.push('never');
            return retry({ because: 'closed' });
          }
          if (body === 'a3') return reject('refused', 'no');
          return remember(state, body);
        },
        { state: SEEN, retry: { attempts: 1_000, delayMs: () => 20 } },
      );
      const first = bench.start([definition]);
      for (const body of ['a1', 'a2', 'a3', 'a4', 'a5']) await bench.send({ actor: 'tester', key: 'a', body });
      await until('they wait', async () => (await bench.parked()).length === 4);
      assert.deepEqual(await seenBy(bench, 'a'), ['a1']);
      first.kill();
      isOpen = true;
      const second = bench.start([definition]);
      await until('all are through', async () => (await seenBy(bench, 'a'))?.includes('a5') === true);
      assert.deepEqual(await seenBy(bench, 'a'), ['a1', 'a2', 'a4', 'a5']);
      await second.stop();
    },
  );

  property('a state of an earlier version is migrated; one that cannot be is left as it is, with a dead letter', async (bench) => {
    const first = bench.start([actor<Seen>((body, { state }) => remember(state, body), { state: SEEN })]);
    for (const key of 'abc') await bench.send({ actor: 'tester', key, body: key });
    await until('all are recorded', async () =>
      (await Promise.all(['a', 'b', 'c'].map((key) => bench.state('tester', key)))).every(Boolean),
    );
    await first.stop();
    const Count = z.object({ count: z.number() });
    type Count = z.infer<typeof Count>;
    const toCount = (old: unknown): unknown => {
      const [last] = (old as Seen).seen;
      if (last === 'b') throw new Error('not this one');
      return last === 'c' ? { count: 'many' } : { count: (old as Seen).seen.length };
    };
    const second = bench.start([
      actor<Count>((_body, { state: { count } }) => done({ state: { count: count + 1 } }), {
        state: { version: 2, schema: Count, initial: { count: 0 }, migrate: { 1: toCount } },
      }),
    ]);
    for (const key of 'abc') await bench.send({ actor: 'tester', key, body: key, id: `${key}2` });
    await until('two are dead', async () => (await bench.deadLetters()).length === 2);
    await until('one is migrated', async () => (await bench.state('tester', 'a'))?.version === 2);
    assert.deepEqual(await bench.state('tester', 'a'), { version: 2, json: '{"count":2}' });
    const letters = new Map((await bench.deadLetters()).map((letter) => [letter.messageId, letter]));
    assert.equal(letters.get('b2')?.reason, 'invalid');
    assert.deepEqual(letters.get('c2')?.detail, {
      stateVersion: 1,
      misfits: [{ path: 'count', expected: 'Invalid input: expected number, received string', got: 'string' }],
    });
    for (const key of 'bc') assert.deepEqual(await bench.state('tester', key), { version: 1, json: JSON.stringify({ seen: [key] }) });
    await second.stop();
    // Back to the first version: what is newer than the process knows waits, without an attempt.
    const third = bench.start([actor<Seen>((body, { state }) => remember(state, body), { state: SEEN })]);
    await bench.send({ actor: 'tester', key: 'a', body: 'a', id: 'a3' });
    await until('it waits', async () => (await bench.parked()).length === 1);
    assert.deepEqual(await bench.state('tester', 'a'), { version: 2, json: '{"count":2}' });
    await third.stop();
  });

  property('what a handler gives back and cannot be kept is a dead letter, and nothing else of the turn counts', async (bench) => {
    const running = bench.start([
      actor<Seen>(
        (body, context) => {
          context.emit({ id: `out/${body}`, subject: bench.subjectTo('listener', 'a'), key: 'a', headers: {}, body: Buffer.from('x') });
          if (body === 'large') return done({ state: { seen: ['x'.repeat(MAX_STATE_BYTES)] } });
          if (body === 'misfit') return done({ state: { seen: [3 as unknown as string] } });
          return remember(context.state, `${body}\0\uD800"\\{}`);
        },
        { state: SEEN },
      ),
    ]);
    for (const body of ['large', 'misfit', 'good']) await bench.send({ actor: 'tester', key: 'a', body, id: body });
    await until('the good one is recorded', async () => (await seenBy(bench, 'a')) !== undefined);
    assert.deepEqual(await seenBy(bench, 'a'), ['good\0\uD800"\\{}']);
    const letters = (await bench.deadLetters()).map(({ messageId, reason }) => `${messageId} ${reason}`);
    assert.deepEqual(letters.toSorted(), ['large invalid', 'misfit invalid']);
    await until('the output is there', async () => (await bench.messages('COMMANDS')).some(({ id }) => id === 'out/good'));
    assert.equal((await bench.messages('COMMANDS')).filter(({ id }) => id.startsWith('out/')).length, 1);
    await running.stop();
  });

  property('a replay sees the present state, and counts again where the actor does not keep it', async (bench) => {
    for (const onReplay of ['update', 'keep'] as const) {
      const key = onReplay === 'update' ? 'u' : 'k';
      const handled: string[] = [];
      const running = bench.start([
        actor<Seen>(
          (body, { state, message }) => {
            handled.push(body);
            return remember(state, message.replay === undefined ? body : `${body} after ${state.seen.length}`);
          },
          { state: { ...SEEN, onReplay }, retry: FAST },
        ),
      ]);
      const sent: number[] = [];
      for (const body of ['1', '2']) sent.push((await bench.send({ actor: 'tester', key, body })).seq);
      await until('both are recorded', async () => (await seenBy(bench, key))?.length === 2);
      const [fromSeq = 0, untilSeq = 0] = sent;
      await bench.replay({ id: onReplay, actor: 'tester', partition: 0, priority: 'default', fromSeq, untilSeq });
      await until('the replay is over', async () => (await bench.replayed(onReplay))?.isEnded === true);
      assert.deepEqual(handled, ['1', '2', '1', '2']);
      await running.stop();
      assert.deepEqual(await seenBy(bench, key), onReplay === 'keep' ? ['1', '2'] : ['1', '2', '1 after 2', '2 after 3']);
    }
  });
}
