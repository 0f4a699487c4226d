import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConsumerState, Delivery, LaneSource } from './broker-port.ts';
import { ConsumerPointer, isResetByHand } from './consumer-pointer.ts';

const STATE: ConsumerState = { created: 'c', deliveredConsumerSeq: 0, deliveredStreamSeq: 9, pending: 0, lastSeq: 20 };

/** Pointed to 10, with so many taken since. */
async function pointed(taken = 0): Promise<ConsumerPointer> {
  const source = { ensure: () => Promise.resolve(STATE), repoint: () => Promise.resolve(STATE) } as Partial<LaneSource> as LaneSource;
  const pointer = new ConsumerPointer(source);
  await pointer.open();
  await pointer.point(10);
  for (let i = 0; i < taken; i++) pointer.take();
  return pointer;
}

function delivery(consumerSeq: number, seq: number): Delivery {
  return { consumerSeq, message: { seq } as Delivery['message'], handle: '' };
}

test('a delivery says whether the consumer was pointed elsewhere, also where what was in hand has been settled meanwhile', async () => {
  const fresh = await pointed();
  assert.equal(fresh.judge(delivery(1, 12), 9), 'next');
  assert.equal(fresh.judge(delivery(1, 12), 15), 'next');
  assert.equal(fresh.judge(delivery(1, 4), 9), 'reset');
  assert.equal(fresh.judge(delivery(2, 12), 9), 'gap');
  const used = await pointed(3);
  assert.equal(used.judge(delivery(4, 15), 12), 'next');
  assert.equal(used.judge(delivery(1, 12), 12), 'reset');
  assert.equal(used.judge(delivery(1, 15), 12), 'moved');
  assert.equal(used.judge(delivery(5, 16), 12), 'gap');
});

test("a consumer's own word says it, too, where it has delivered nothing", async () => {
  const fresh = await pointed();
  const used = await pointed(3);
  const look = (pointer: ConsumerPointer, state: Partial<ConsumerState>, isUnbroken = false): string =>
    pointer.compare({ ...STATE, ...state }, 12, isUnbroken);
  assert.equal(look(fresh, {}), 'same');
  assert.equal(look(fresh, { deliveredStreamSeq: 19 }), 'same', 'the broker has looked for a match so far');
  assert.equal(look(fresh, { deliveredStreamSeq: 30 }), 'moved', 'past the end');
  assert.equal(look(fresh, { deliveredStreamSeq: 4 }), 'reset');
  assert.equal(look(fresh, { deliveredConsumerSeq: 1 }), 'gap');
  assert.equal(look(used, { deliveredConsumerSeq: 3, deliveredStreamSeq: 12 }), 'same');
  assert.equal(look(used, { deliveredConsumerSeq: 4, deliveredStreamSeq: 13 }), 'gap');
  assert.equal(look(used, {}), 'reset', 'to where it was pointed last');
  assert.equal(look(used, { deliveredStreamSeq: 12 }), 'moved');
  assert.equal(look(used, { created: 'd' }), 'gap');
  assert.equal(look(used, { deliveredStreamSeq: 0 }), 'moved', 'a broker that has forgotten looks the same');
  assert.equal(look(used, { deliveredStreamSeq: 0 }, true), 'reset');
});

test('a new owner knows a reset from where its lane says that the consumer was pointed to', async () => {
  const { label } = await pointed();
  assert.equal(label, 'c 10');
  assert.equal(isResetByHand(STATE, label, 12), false);
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 4 }, label, 12), true);
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 4 }, null, 12), false);
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 4, created: 'd' }, label, 12), false);
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 12 }, label, 12), false);
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 0 }, label, 12), false);
});

test('a pointing of which the answer was lost is nobody else’s reset, neither to its owner nor to the next one', async () => {
  let isAnswered = true;
  const repoint = (): Promise<ConsumerState> => (isAnswered ? Promise.resolve(STATE) : Promise.reject(new Error('no answer')));
  const source = { ensure: () => Promise.resolve(STATE), repoint } as Partial<LaneSource> as LaneSource;
  const pointer = new ConsumerPointer(source);
  await pointer.open();
  await pointer.point(10);
  for (let count = 0; count < 3; count++) pointer.take();
  isAnswered = false;
  await assert.rejects(pointer.point(13));
  // What was in hand has been settled meanwhile.
  assert.equal(pointer.compare({ ...STATE, deliveredStreamSeq: 12 }, 15, false), 'moved');
  assert.equal(pointer.compare({ ...STATE, deliveredStreamSeq: 4 }, 15, false), 'reset', 'another place');
  assert.equal(isResetByHand({ ...STATE, deliveredStreamSeq: 12 }, pointer.label, 15), false);
  isAnswered = true;
  await pointer.point(10);
  assert.equal(pointer.label, 'c 10');
});
