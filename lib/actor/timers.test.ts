import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { Outbox } from './outbox.ts';
import { silentLog } from './simulation/silence.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { Timers } from './timers.ts';

const NOTHING = {
  lanes: [],
  parked: [],
  unparked: [],
  cleared: [],
  effects: [],
  deadLetters: [],
  published: [],
  rows: [],
  replays: [],
  states: [],
};

test('a timer is handed over once by each owner, however often it is found before its row is gone', async () => {
  const record = new SimulatedRecord(systemClock);
  const log = new SimulatedBroker(systemClock, () => 'COMMANDS');
  const published: string[] = [];
  const broker = {
    lane: log.lane.bind(log),
    read: log.read.bind(log),
    publish: (...[emit, signal]: Parameters<typeof log.publish>) => {
      published.push(emit.id);
      return log.publish(emit, signal);
    },
  };
  const outbox = new Outbox({ broker, clock: systemClock, log: silentLog, onPublished: () => undefined });
  const timers = new Timers({ record, outbox, clock: systemClock });
  const acquire = async () => (await record.acquire('one', [{ actor: 'workflow', partition: 0 }], 3_000))[0]!;
  const first = await acquire();
  const emit = { subject: 'commands.default.1.workflow', key: 'k', headers: {}, body: new Uint8Array(), dueAt: systemClock.now() - 1 };
  await record.settle({ ...NOTHING, outbox: [{ unit: first, id: 'a', ...emit }] });
  await timers.fire([first]);
  await timers.fire([first]);
  await outbox.idle();
  await timers.fire([first]);
  assert.deepEqual(published, ['a']);
  const second = await acquire();
  await timers.fire([second]);
  await outbox.idle();
  assert.deepEqual(published, ['a', 'a']);
  await record.settle({ ...NOTHING, outbox: [], published: [{ unit: second, id: 'a', seq: 1 }] });
  await timers.fire([second]);
  await record.settle({ ...NOTHING, outbox: [{ unit: second, id: 'a', ...emit }] });
  await timers.fire([second]);
  await outbox.idle();
  assert.equal(published.length, 3);
});
