import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { slotOf } from '../../core/slot.ts';
import { done } from '../verdict.ts';
import { actor, type ConformanceBench, type RunningActors, until, type Property } from './bench.ts';

/** One process for each of these may hold a unit at a time; nobody has to be there for long. */
const AT_ONCE = { newcomerMs: 0 };
const KEYS = Array.from({ length: 16 }, (_, i) => `k${i}`);
/** The last units are handed over first. */
const OF_THE_FIRST_UNIT = Array.from({ length: 64 }, (_, i) => `other${i}`).find((key) => slotOf(key) % 4 === 0)!;

/** How many each holds, the fewest first. */
function countsOf(running: readonly RunningActors[]): string {
  return running
    .map((each) => each.status().openUnits)
    .toSorted((a, b) => a - b)
    .join(' ');
}

function unitsOf(running: readonly RunningActors[]): string {
  return running.map((each) => each.status().units).join(' ');
}

/** A handler that records who ran what, and waits where it is told to. */
function watch(bench: ConformanceBench) {
  const seen: { owner: string; key: string; body: string }[] = [];
  const held = new Map<string, PromiseWithResolvers<void>>();
  let open = 0;
  const start = (owner: string): RunningActors =>
    bench.start(
      [
        actor(
          async (body, { message: { key } }) => {
            open++;
            await held.get(body)?.promise;
            await wait(1);
            seen.push({ owner, key, body });
            open--;
            return done();
          },
          { partitions: 4 },
        ),
      ],
      { owner, timing: AT_ONCE },
    );
  return { seen, held, start, running: () => open };
}

function assertOnceAndInOrder(seen: readonly { key: string; body: string }[], count: number): void {
  for (const key of KEYS) {
    const numbers = seen.filter((each) => each.key === key).map(({ body }) => Number(body));
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, i) => i),
      key,
    );
  }
}

/** Several processes with the same actors. */
export function describeSharing(property: Property): void {
  property('processes share units evenly as they come and go, and each message is handled once and in order', async (bench) => {
    const { seen, start } = watch(bench);
    let sent = 0;
    const send = async (): Promise<void> => {
      for (const key of KEYS) await bench.send({ actor: 'tester', key, body: String(sent) });
      sent++;
    };
    const first = start('first');
    await until('the first has all', () => first.status().openUnits === 4);
    await send();
    const second = start('second');
    await send();
    await until('two have two each', () => unitsOf([first, second]) === '2 2');
    await send();
    const third = start('third');
    await send();
    await until('three have one or two', () => countsOf([first, second, third]) === '1 1 2');
    await send();
    await first.stop();
    await send();
    await until('the two that are left have two each', () => unitsOf([second, third]) === '2 2');
    await until('all are handled', () => seen.length === KEYS.length * sent);
    assertOnceAndInOrder(seen, sent);
    assert.deepEqual(await bench.suspects(), []);
    await Promise.all([second.stop(), third.stop()]);
  });

  property('a hand-over waits for what runs, starts nothing more in that unit, and others go on', async (bench) => {
    const { seen, held, start, running } = watch(bench);
    held.set('0', Promise.withResolvers());
    const first = start('first');
    for (const key of KEYS) await bench.send({ actor: 'tester', key, body: '0' });
    for (const key of KEYS) await bench.send({ actor: 'tester', key, body: '1' });
    await until('a message of each key runs', () => running() === KEYS.length);
    const second = start('second');
    await until('two units are drained', () => first.status().leavingUnits === 2);
    // One after the other, each settled before the next: time enough to take away what runs.
    for (let i = 1; i <= 5; i++) {
      await bench.send({ actor: 'tester', key: OF_THE_FIRST_UNIT, body: `other ${i}` });
      await until('another unit goes on', () => seen.length === i);
    }
    assert.equal(unitsOf([first, second]), '4 0', 'what runs is not taken away');
    held.get('0')!.resolve();
    await until('all are handled', () => seen.length === KEYS.length * 2 + 5);
    await until('two have two each', () => unitsOf([first, second]) === '2 2');
    assertOnceAndInOrder(seen, 2);
    const moved = seen.filter(({ body, owner }) => body === '1' && owner === 'second').length;
    const kept = seen.filter(({ body, owner }) => body === '1' && owner === 'first').length;
    assert.ok(moved > 0 && kept > 0, `${moved} went on at the second, ${kept} at the first`);
    assert.ok(seen.every(({ body, owner }) => body === '1' || owner === 'first'));
    await Promise.all([first.stop(), second.stop()]);
  });

  property('what a dead process had runs at the others, each with its share, first what was in flight', async (bench) => {
    const { seen, held, start, running } = watch(bench);
    const first = start('first');
    const second = start('second');
    const third = start('third');
    const all = [first, second, third];
    await until('three have one or two', () => countsOf(all) === '1 1 2');
    held.set('0', Promise.withResolvers());
    for (const body of ['0', '1', '2']) for (const key of KEYS) await bench.send({ actor: 'tester', key, body });
    await until('a message of each key runs', () => running() === KEYS.length);
    first.kill();
    held.get('0')!.resolve();
    held.delete('0');
    await until('the two that are left have two each', () => unitsOf([second, third]) === '2 2');
    const own = (): typeof seen => seen.filter(({ owner }) => owner !== 'first');
    await until('all are handled', () => own().length === KEYS.length * 3);
    assertOnceAndInOrder(own(), 3);
    await Promise.all([second.stop(), third.stop()]);
  });
}
