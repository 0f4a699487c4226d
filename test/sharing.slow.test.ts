import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scaled } from '../lib/dev/test-scale.ts';
import { listDeadLetters } from '../lib/store/dead-letters.ts';
import { ACTOR, ATTEMPTS, type Order } from './sharing/dialogue.ts';
import { assertInOrder, numbersOf, openSharing, startSharing, untilShared } from './sharing/sharing-bed.ts';
import { until } from './system-bed.ts';

const KILLS = scaled({ day: 2, night: 200 });
const KEYS = Array.from({ length: 8 }, (_, i) => `k${i}`);
const SIX = [1, 2, 3, 4, 5, 6];

const work = (numbers: readonly number[]): Order[] => numbers.map((number) => ({ number, deed: 'work' }));

test('kill -9 of the owner of a key with one message in flight and five that wait: the six are handled in order at the next owner', async (t) => {
  const sharing = await openSharing(t);
  await startSharing(sharing);
  for (let kill = 1; kill <= KILLS; kill++) {
    const keys = KEYS.map((key) => `${key}-${kill}`);
    sharing.mayGo = ({ number }) => number !== 1;
    await Promise.all(keys.map((key) => sharing.send(key, work(SIX))));
    await until('the first of each key is in flight', () => keys.every((key) => numbersOf(sharing.said, 'started', key).includes(1)));
    const victim = sharing.processes[kill % 2]!;
    const orphans = keys.filter((key) => sharing.said.some((said) => said.key === key && said.by === victim.name));
    assert.ok(orphans.length > 0 && orphans.length < keys.length, `${orphans.length} keys of ${keys.length}`);
    for (const key of keys) assert.deepEqual(numbersOf(sharing.said, 'started', key), [1]);
    await victim.kill();
    const before = sharing.said.length;
    sharing.mayGo = () => true;
    sharing.letGo();
    await until('all are handled', () => keys.every((key) => numbersOf(sharing.said, 'done', key).length === 6), 60_000);
    const after = sharing.said.slice(before);
    for (const key of orphans) {
      assert.deepEqual(numbersOf(after, 'started', key), SIX, key);
      assert.ok(
        after.every(({ by }) => by !== victim.name),
        'a dead process said something',
      );
    }
    for (const key of keys) assert.deepEqual(numbersOf(sharing.said, 'effect', key), SIX, key);
    victim.start();
    await untilShared(sharing);
  }
  assert.deepEqual(await listDeadLetters(sharing.database, {}, 10), []);
});

test('a message that ends its process is dead after its attempts, also across three rolling restarts, and none of its neighbours is', async (t) => {
  const sharing = await openSharing(t);
  let restarts = 0;
  let rolling = Promise.resolve();
  for (const [index, each] of sharing.processes.entries())
    each.onExit = () => {
      each.start();
      if (restarts++ >= 3) return;
      // The other one is stopped as by its operator and started anew, then this one.
      rolling = rolling.then(async () => {
        for (const one of [sharing.processes[1 - index]!, each]) {
          await one.stop();
          one.start();
        }
      });
    };
  await startSharing(sharing);
  const sent = Promise.all(
    KEYS.map((key) => sharing.send(key, key === 'k3' ? [...work([1]), { number: 2, deed: 'exit' }, ...work([3, 4])] : work([1, 2, 3, 4]))),
  );
  await sent;
  const expected = (key: string): number[] => (key === 'k3' ? [1, 3, 4] : [1, 2, 3, 4]);
  await until(
    'every neighbour is handled',
    () => KEYS.every((key) => new Set(numbersOf(sharing.said, 'done', key)).size === expected(key).length),
    90_000,
  );
  const [dead, another] = await listDeadLetters(sharing.database, { actor: ACTOR }, 10);
  assert.equal(another, undefined);
  assert.deepEqual([dead?.messageId, dead?.reason], ['k3/2', 'crashed']);
  assert.equal((dead!.detail as { starts: number }).starts, ATTEMPTS);
  assert.ok(restarts >= ATTEMPTS - 1, `its process ended ${restarts} times`);
  await rolling;
  assertInOrder(sharing.said, KEYS);
  for (const key of KEYS) assert.deepEqual(numbersOf(sharing.said, 'effect', key), expected(key), `effects of ${key}`);
});

test('an owner that stood still beyond its lease and wakes up settles nothing, claims no effect, and is a taker again', async (t) => {
  const sharing = await openSharing(t);
  await startSharing(sharing);
  sharing.mayGo = () => false;
  await Promise.all(KEYS.map((key) => sharing.send(key, work([1, 2]))));
  await until('the first of each key is in flight', () => KEYS.every((key) => numbersOf(sharing.said, 'started', key).includes(1)));
  const [sleeper, other] = sharing.processes;
  const orphans = KEYS.filter((key) => sharing.said.some((said) => said.key === key && said.by === sleeper!.name));
  sleeper!.freeze();
  // What it is told it hears when it wakes up, before it hears of anything else.
  sharing.mayGo = () => true;
  sharing.letGo();
  await until('the other has done all', () => KEYS.every((key) => numbersOf(sharing.said, 'done', key).length === 2), 60_000);
  await until('all of it is settled', async () => {
    const done = await sharing.database.query({ text: `select from effects where state = 'done'` });
    return done.length === KEYS.length * 2;
  });
  const record = async (): Promise<unknown> =>
    await Promise.all(
      ['effects', 'lanes', 'parked', 'suspects', 'dead_letters', 'outcomes'].map((table) =>
        sharing.database.query({ text: `select * from ${table} order by 1, 2, 3, 4` }),
      ),
    );
  const before = sharing.said.length;
  const recorded = await record();
  sleeper!.thaw();
  await untilShared(sharing);
  await until('it says that it may not', () => orphans.every((key) => numbersOf(sharing.said.slice(before), 'refused', key).includes(1)));
  const after = sharing.said.slice(before);
  assert.deepEqual(
    after.filter(({ step }) => step !== 'refused'),
    [],
    'it has done something',
  );
  assert.deepEqual(await record(), recorded, 'it has written something');
  for (const key of KEYS) assert.deepEqual(numbersOf(sharing.said, 'effect', key), [1, 2], key);
  await Promise.all(KEYS.map((key) => sharing.send(key, work([3]))));
  await until('both go on', () => KEYS.every((key) => numbersOf(sharing.said, 'done', key).length === 3));
  for (const by of [sleeper!.name, other!.name])
    assert.ok(
      sharing.said.slice(before).some((said) => said.step === 'done' && said.by === by),
      `${by} takes part`,
    );
});
