import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import type { StateId, StoredState } from './record-port.ts';
import { StateCache, StateReads } from './states.ts';

const idOf = (key: string, eventKey = key): StateId => ({ actor: 'tester', eventKey, key });
const stateOf = (length: number): StoredState => ({ version: 1, json: JSON.stringify('x'.repeat(length)) });

test('states that are wanted together are one query, and each gets its own', async () => {
  const queries: number[] = [];
  const reads = new StateReads(
    {
      loadStates: (ids) => {
        queries.push(ids.length);
        return Promise.resolve(ids.map(({ key }) => (key === '3' ? undefined : { version: 1, json: key })));
      },
    },
    systemClock,
  );
  const states = await Promise.all(Array.from({ length: 8 }, (_, key) => reads.read(idOf(String(key)))));
  assert.deepEqual(queries, [8]);
  assert.deepEqual(
    states.map((state) => state?.json),
    ['0', '1', '2', undefined, '4', '5', '6', '7'],
  );
});

test('what the record refuses is told to all that asked with it, and the next may be answered', async () => {
  let isAway = true;
  const reads = new StateReads(
    { loadStates: (ids) => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(ids.map(() => undefined))) },
    systemClock,
  );
  const answers = await Promise.allSettled([reads.read(idOf('a')), reads.read(idOf('b'))]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  isAway = false;
  assert.equal(await reads.read(idOf('a')), undefined);
});

test('a cache knows what it was told, also that there is nothing, and tells keys apart that are written alike', () => {
  const cache = new StateCache();
  assert.equal(cache.get(idOf('a')).isKnown, false);
  cache.set(idOf('a'), undefined);
  cache.set(idOf('bc', 'a'), stateOf(1));
  cache.set(idOf('c', 'ab'), stateOf(2));
  assert.deepEqual(cache.get(idOf('a')), { isKnown: true, state: undefined });
  assert.deepEqual(cache.get(idOf('bc', 'a')).state, stateOf(1));
  assert.deepEqual(cache.get(idOf('c', 'ab')).state, stateOf(2));
  cache.clear();
  assert.equal(cache.get(idOf('a')).isKnown, false);
});

test('a cache is bounded by its bytes, and lets go what was used longest ago', () => {
  const cache = new StateCache();
  for (let n = 0; n < 1_000; n++) {
    cache.set(idOf(`k${n}`), stateOf(65_000));
    cache.get(idOf('k0'));
  }
  const known = Array.from({ length: 1_000 }, (_, n) => n).filter((n) => cache.get(idOf(`k${n}`)).isKnown);
  assert.ok(known.length <= 32, `${known.length} of the largest are kept`);
  assert.deepEqual([known[0], known.at(-1)], [0, 999]);
  // What is replaced counts once.
  for (let n = 0; n < 100; n++) cache.set(idOf('k0'), stateOf(65_000));
  assert.equal(cache.get(idOf('k999')).isKnown, true);
});
