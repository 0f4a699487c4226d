import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { scaled } from '../dev/test-scale.ts';
import { PublishQueue, type Queued } from './publish-queue.ts';

interface Item extends Queued {
  readonly number: number;
}

const item = (key: string, number: number, bytes = 1): Item => ({ key, number, bytes, alone: false });

test('whatever happens to what is taken, a key never has two flights, keeps its order and loses nothing', () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), key: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'one' as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('batch' as const), max: fc.integer({ min: 1, max: 6 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('confirm' as const, 'unknown' as const, 'singly' as const), pick: fc.nat() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const queue = new PublishQueue<Item>();
      const flights: Item[][] = [];
      const stored = new Map<string, number[]>();
      const removed = new Set<Item>();
      let added = 0;

      const takeOff = (items: Item[]): void => {
        const inFlight = new Set(flights.flat().map(({ key }) => key));
        for (const { key } of items) assert.ok(!inFlight.has(key), `key ${key} is in flight twice`);
        if (items.length > 1) assert.ok(items.every(({ alone }) => !alone));
        if (items.length > 0) flights.push(items);
      };
      const confirm = (items: Item[]): void => {
        for (const { key, number } of items) stored.set(key, [...(stored.get(key) ?? []), number]);
        queue.release(items);
      };

      for (const step of actions) {
        if (step.kind === 'add') queue.add(item(`k${step.key}`, added++));
        else if (step.kind === 'one') takeOff([queue.takeOne()].filter((one) => one !== undefined));
        else if (step.kind === 'batch') takeOff(queue.takeBatch(step.max, 1_000));
        else if (step.kind === 'remove') {
          const waiting = queue.all();
          const one = waiting[step.pick % Math.max(1, waiting.length)];
          if (one !== undefined && queue.remove(one)) removed.add(one);
        } else if (flights.length > 0) {
          const [flight = []] = flights.splice(step.pick % flights.length, 1);
          if (step.kind === 'confirm') confirm(flight);
          else {
            if (step.kind === 'singly') for (const one of flight) one.alone = true;
            queue.putBack(flight);
          }
        }
        assert.equal(queue.size, queue.all().length);
      }
      for (const flight of flights.splice(0)) confirm(flight);
      for (let one = queue.takeOne(); one !== undefined; one = queue.takeOne()) confirm([one]);

      assert.equal(queue.size, 0);
      assert.equal(queue.batchable, 0);
      assert.equal([...stored.values()].flat().length, added - removed.size);
      for (const [key, numbers] of stored)
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          key,
        );
    }),
    { numRuns: scaled({ day: 500, night: 2_000 }) },
  );
});

test('a batch is bounded in messages and bytes, and takes one message that is larger', () => {
  const queue = new PublishQueue<Item>();
  for (let number = 0; number < 10; number += 1) queue.add(item(`k${number % 3}`, number, 10));
  assert.equal(queue.takeBatch(4, 1_000).length, 4);
  const small = new PublishQueue<Item>();
  for (let number = 0; number < 10; number += 1) small.add(item('k', number, 10));
  assert.equal(small.takeBatch(100, 35).length, 3);
  const large = new PublishQueue<Item>();
  large.add(item('k', 1, 500));
  assert.equal(large.takeBatch(100, 35).length, 1);
});

test('keys take turns', () => {
  const queue = new PublishQueue<Item>();
  for (let number = 0; number < 3; number += 1) queue.add(item('a', number));
  queue.add(item('b', 3));
  const order: string[] = [];
  for (let one = queue.takeOne(); one !== undefined; one = queue.takeOne()) {
    order.push(one.key);
    queue.release([one]);
  }
  assert.deepEqual(order, ['a', 'b', 'a', 'a']);
});
