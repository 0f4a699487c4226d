import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spanFrom } from '../core/settled-span.ts';
import { fc } from '../dev/fast-check.ts';
import { LaneProgress } from './lane-progress.ts';

test('the floor stays below the oldest open delivery, whatever is settled above it', () => {
  const progress = new LaneProgress(spanFrom(10));
  for (const seq of [12, 15, 20]) assert.equal(progress.deliver(seq), 'new');
  progress.settle(15);
  assert.deepEqual(progress.snapshot(), { floor: 11, highest: 20, open: [12, 20] });
  progress.settle(12);
  assert.deepEqual(progress.snapshot(), { floor: 19, highest: 20, open: [20] });
  progress.settle(20);
  assert.deepEqual(progress.snapshot(), { floor: 20, highest: 20, open: [] });
});

test('a delivery that is settled or in hand is not taken twice', () => {
  const progress = new LaneProgress({ floor: 5, highest: 8, open: [7] });
  assert.equal(progress.deliver(4), 'settled');
  assert.equal(progress.deliver(7), 'new');
  assert.equal(progress.deliver(7), 'in-hand');
  assert.equal(progress.deliver(8), 'settled');
});

test('what is settled on record does not lift the floor over what was not delivered yet', () => {
  const progress = new LaneProgress({ floor: 10, highest: 15, open: [12, 14] });
  progress.deliver(12);
  progress.settle(12);
  assert.deepEqual(progress.snapshot(), { floor: 12, highest: 15, open: [14] });
  assert.equal(progress.deliver(15), 'settled');
  assert.deepEqual(progress.snapshot(), { floor: 15, highest: 15, open: [] });
});

test('the last one is also what is settled above, and what is not committed yet', () => {
  const progress = new LaneProgress({ floor: 3, highest: 7, open: [5] });
  assert.equal(progress.last, 7);
  progress.deliver(8);
  progress.settle(8);
  assert.deepEqual([progress.floor, progress.last], [3, 8]);
});

test('a settling that failed is taken back', () => {
  const progress = new LaneProgress(spanFrom(0));
  progress.deliver(1);
  progress.deliver(2);
  progress.settle(1);
  progress.settle(2);
  progress.unsettle(1);
  assert.deepEqual(progress.snapshot(), { floor: 0, highest: 2, open: [1] });
});

test('record and restart at any moment: every sequence is handled, and none that was recorded is handled again', () => {
  const step = fc.record({ crash: fc.boolean(), delivered: fc.nat(12), settle: fc.array(fc.nat(7), { maxLength: 8 }) });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), fc.array(step), (unsorted, steps) => {
      const lane = unsorted.sort((a, b) => a - b);
      const recorded = new Set<number>();
      let record = spanFrom(0);
      for (const { crash, delivered, settle } of [...steps, { crash: true, delivered: lane.length, settle: [] }]) {
        const progress = new LaneProgress(record);
        const pulled = lane.filter((seq) => seq > record.floor).slice(0, delivered);
        const open = pulled.filter((seq) => progress.deliver(seq) === 'new');
        for (const seq of recorded) assert.ok(!open.includes(seq), `${seq} was recorded and came again`);
        if (delivered === lane.length) for (const seq of lane) assert.ok(recorded.has(seq) || open.includes(seq), `${seq} is lost`);
        for (const index of settle) {
          const seq = open[index];
          if (seq === undefined) continue;
          progress.settle(seq);
          if (!crash) recorded.add(seq);
        }
        if (!crash) record = progress.snapshot();
      }
    }),
  );
});

test('behind one that takes long any number may be settled, and the record stays as small as what is in hand', () => {
  const progress = new LaneProgress(spanFrom(0));
  progress.deliver(1);
  for (let seq = 2; seq <= 200_000; seq += 1) {
    progress.deliver(seq);
    progress.settle(seq);
  }
  assert.equal(progress.open, 1);
  assert.deepEqual(progress.snapshot(), { floor: 0, highest: 200_000, open: [1] });
});

test('the bytes of what is in hand are counted until it is settled', () => {
  const progress = new LaneProgress(spanFrom(0));
  progress.deliver(1, 100);
  progress.deliver(2, 20);
  progress.deliver(2, 20);
  assert.equal(progress.bytes, 120);
  progress.settle(1);
  assert.equal(progress.bytes, 20);
  progress.unsettle(1);
  progress.settle(1);
  progress.settle(2);
  assert.equal(progress.bytes, 0);
});
