import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { spanFrom } from '../core/settled-span.ts';
import { slotOf } from '../core/slot.ts';
import type { BrokerPort } from './broker-port.ts';
import { actor, until } from './conformance/bench.ts';
import type { ActorDefinition } from './define-actor.ts';
import type { RecordPort } from './record-port.ts';
import { ActorRuntime } from './runtime.ts';
import { createCuttable } from './simulation/cuttable.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { silentLog, silentObserver } from './simulation/silence.ts';
import { done, reject, retry } from './verdict.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { testSeed } from '../dev/test-seed.ts';

const STREAMS: Record<string, string> = { commands: 'COMMANDS', dead: 'DEAD_LETTERS', advisory: 'ADVISORIES' };

/** One process on simulated ports, some of whose calls the test answers itself. */
function openProcess({
  broker: brokerCalls = {},
  record: recordCalls = {},
}: {
  broker?: Partial<BrokerPort>;
  record?: Partial<RecordPort>;
}) {
  const broker = new SimulatedBroker(systemClock, (subject) => STREAMS[subject.split('.')[0]!]!);
  const record = new SimulatedRecord(systemClock);
  const ports = createCuttable(broker, record, systemClock);
  const start = (definition: ActorDefinition): ActorRuntime => {
    const runtime = new ActorRuntime({
      broker: { ...ports.broker, ...brokerCalls },
      record: { ...ports.record, ...recordCalls },
      owner: 'owner',
      nonce: 'nonce',
      actors: [definition],
      lanesOf: ({ name }) => [
        {
          stream: 'COMMANDS',
          priority: 'default',
          spec: { stream: 'COMMANDS', consumer: name, filterSubjects: [`commands.default.*.${name}`] },
        },
      ],
      subjects: { deadLetter: (name, reason) => `dead.${name}.${reason}`, advisory: (kind, name) => `advisory.${kind}.${name}` },
      clock: ports.clock,
      random: seededRandom(testSeed),
      log: silentLog,
      observer: silentObserver,
      timing: { checkMs: 20 },
    });
    runtime.start();
    return runtime;
  };
  const send = async (key: string, body: string): Promise<void> => {
    const subject = `commands.default.${slotOf(key)}.tester`;
    await broker.publish({ id: `${key}/${body}`, subject, key, headers: {}, body: Buffer.from(body) }, new AbortController().signal);
  };
  return { broker, record, start, send, kill: ports.cut };
}

test('a process that has renewed and not yet looked for units has heard nothing of the record, so it is not ready', async () => {
  const looked = Promise.withResolvers<void>();
  let renewals = 0;
  const { record, start } = openProcess({
    record: {
      survey: async (actors) => {
        await looked.promise;
        return await record.survey(actors);
      },
      renew: async (...args) => {
        renewals++;
        return await record.renew(...args);
      },
    },
  });
  const runtime = start(actor(() => done()));
  await until('it has said that it lives', () => renewals > 1);
  assert.deepEqual([runtime.status().units, runtime.status().recordAgeMs], [0, Infinity]);
  looked.resolve();
  await until('it has its unit', () => runtime.status().openUnits === 1 && runtime.status().recordAgeMs < Infinity);
  await runtime.stop(100);
});

test('a message that is still being read when the process stops does not start any more', async () => {
  const reading = Promise.withResolvers<void>();
  const mayRead = Promise.withResolvers<void>();
  const attempts: number[] = [];
  const { broker, start, send } = openProcess({
    broker: {
      read: async (stream, seq) => {
        reading.resolve();
        await mayRead.promise;
        return broker.messages(stream)[seq - 1];
      },
    },
  });
  const running = start(
    actor((_body, { attempt }) => {
      attempts.push(attempt);
      return retry({ because: 'again' });
    }),
  );
  await send('a', 'x');
  await reading.promise;
  await running.stop(1_000);
  mayRead.resolve();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(attempts, [1]);
});

test('an actor whose outputs the log does not take reads no further for ever', async () => {
  const room = Promise.withResolvers<void>();
  const { broker, start, send } = openProcess({
    broker: {
      publish: async (emit, signal) => {
        await room.promise;
        return await broker.publish(emit, signal);
      },
    },
  });
  let handled = 0;
  const running = start(
    actor((_body, context) => {
      handled++;
      context.emit({
        id: `${context.message.id}/out`,
        subject: 'commands.default.0.listener',
        key: 'a',
        headers: {},
        body: new Uint8Array(),
      });
      return done();
    }),
  );
  for (let i = 0; i < 5_200; i++) await send(`k${i % 100}`, String(i));
  await until('the outbox is full', () => running.status().outbox >= 4_000);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(running.status().outbox < 5_000, `${running.status().outbox} outputs wait`);
  room.resolve();
  await until('all are handled', () => handled === 5_200);
  await until('all are published', () => running.status().outbox === 0);
  await running.stop(1_000);
});

test('a store that cannot even hold a dead letter is not asked again and again', async () => {
  let asked = 0;
  const { start, send, record, kill } = openProcess({
    record: {
      settle: async (batch) => {
        if (batch.deadLetters.length > 0) {
          asked++;
          throw new TypeError('not a row');
        }
        return await record.settle(batch);
      },
    },
  });
  const seen: string[] = [];
  start(
    actor((body) => {
      seen.push(body);
      return body === 'x' ? reject('refused', 'no') : done();
    }),
  );
  await send('a', 'x');
  await send('b', 'y');
  await until('the dead letter was refused', () => asked >= 2);
  await until('the neighbour is done', () => seen.includes('y'));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(asked < 5, `asked ${asked} times`);
  kill();
});

test('a unit whose record is ahead of the log is not open, and is once the log has caught up', async () => {
  const { record, start, send } = openProcess({});
  const [unit] = await record.acquire('earlier', [{ actor: 'tester', partition: 0 }], 3_000);
  const lane = { unit: unit!, stream: 'COMMANDS', priority: 'default', ...spanFrom(2), consumerCreated: null } as const;
  const nothing = {
    parked: [],
    unparked: [],
    cleared: [],
    effects: [],
    deadLetters: [],
    outbox: [],
    published: [],
    rows: [],
    replays: [],
    states: [],
  };
  await record.settle({ ...nothing, lanes: [lane] });
  await record.release([unit!]);
  const seen: string[] = [];
  const runtime = start(
    actor((body) => {
      seen.push(body);
      return done();
    }),
  );
  await until('the unit is taken', () => runtime.status().units === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(runtime.status().openUnits, 0);
  for (const body of ['1', '2', '3']) await send('a', body);
  await until('the unit is open', () => runtime.status().openUnits === 1);
  await until('what is above the record is handled', () => seen.length === 1);
  assert.deepEqual(seen, ['3']);
  await runtime.stop(1_000);
});

test('nothing is acknowledged, sent or let go on before its settling is committed', async () => {
  const mayCommit = Promise.withResolvers<void>();
  const acknowledged: number[] = [];
  const { broker, record, start, send, kill } = openProcess({
    record: {
      settle: async (batch) => {
        if (batch.rows.length > 0) await mayCommit.promise;
        return await record.settle(batch);
      },
    },
    broker: {
      lane: (spec) => ({ ...broker.lane(spec), ack: ({ message }) => void acknowledged.push(message.seq) }),
    },
  });
  const seen: string[] = [];
  start(
    actor((body, context) => {
      seen.push(body);
      context.record(body);
      const { id, key } = context.message;
      context.emit({ id: `${id}/out`, subject: 'commands.default.0.listener', key, headers: {}, body: new Uint8Array() });
      return done();
    }),
  );
  await send('a', '1');
  await send('a', '2');
  await until('the first is handled', () => seen.length > 0);
  // Long enough for all that should wait to have happened.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([seen, acknowledged, broker.messages('COMMANDS').length], [['1'], [], 2]);
  mayCommit.resolve();
  await until('both are handled, acknowledged and sent on', () => acknowledged.length === 2 && broker.messages('COMMANDS').length === 4);
  assert.deepEqual(seen, ['1', '2']);
  kill();
});
