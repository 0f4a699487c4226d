import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../core/clock.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { slotOf } from '../core/slot.ts';
import { testSeed } from '../dev/test-seed.ts';
import type { BrokerPort, Delivery } from './broker-port.ts';
import { actor, until } from './conformance/bench.ts';
import { ActorRuntime } from './runtime.ts';
import { silentLog, silentObserver } from './simulation/silence.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { done } from './verdict.ts';

const BODY_BYTES = 500_000;
const MESSAGES = 30;

test('a lane takes no more large messages in hand than a few megabytes, and goes on as they are handled', async (t) => {
  const log = new SimulatedBroker(systemClock, () => 'COMMANDS');
  let inHand = 0;
  let most = 0;
  let handled = 0;
  const arrived = ({ message }: Delivery): void => {
    inHand += message.body.byteLength;
    most = Math.max(most, inHand);
  };
  const broker: BrokerPort = {
    read: (stream, seq) => log.read(stream, seq),
    publish: (emit, signal) => log.publish(emit, signal),
    lane(spec) {
      const source = log.lane(spec);
      return {
        ...source,
        pull: async (room, expiresMs, onDelivery, signal) =>
          await source.pull(room, expiresMs, (delivery) => (arrived(delivery), onDelivery(delivery)), signal),
        ack(delivery) {
          inHand -= delivery.message.body.byteLength;
          source.ack(delivery);
        },
      };
    },
  };
  const runtime = new ActorRuntime({
    broker,
    record: new SimulatedRecord(systemClock),
    owner: 'owner',
    nonce: 'nonce',
    actors: [
      actor(async () => {
        await wait(5);
        handled += 1;
        return done();
      }),
    ],
    lanesOf: ({ name }, partition) =>
      partition > 0
        ? []
        : [
            {
              stream: 'COMMANDS',
              priority: 'default',
              spec: { stream: 'COMMANDS', consumer: name, filterSubjects: [`commands.default.*.${name}`] },
            },
          ],
    subjects: { deadLetter: () => 'dead', advisory: () => 'advisory' },
    clock: systemClock,
    random: seededRandom(testSeed),
    log: silentLog,
    observer: silentObserver,
    timing: { checkMs: 20 },
  });
  t.after(() => runtime.stop(1_000));
  for (let i = 0; i < MESSAGES; i++) {
    const emit = {
      id: `m${i}`,
      subject: `commands.default.${slotOf('k')}.tester`,
      key: `k${i}`,
      headers: {},
      body: Buffer.alloc(BODY_BYTES),
    };
    await log.publish(emit, new AbortController().signal);
  }
  runtime.start();
  await until('all are handled', () => handled === MESSAGES);
  assert.ok(most >= 2 * BODY_BYTES && most <= 4 * 1024 ** 2 + BODY_BYTES, `${most} bytes in hand`);
});
