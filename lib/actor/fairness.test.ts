import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { slotOf } from '../core/slot.ts';
import { testSeed } from '../dev/test-seed.ts';
import { actor, until } from './conformance/bench.ts';
import { type ActorContext, DEFAULT_SLOTS } from './define-actor.ts';
import { ActorRuntime } from './runtime.ts';
import { silentLog, silentObserver } from './simulation/silence.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { done } from './verdict.ts';

test('a source whose work stands still leaves slots for another one, whose messages came later', async (t) => {
  const broker = new SimulatedBroker(systemClock, () => 'COMMANDS');
  const stuck = Promise.withResolvers<void>();
  const started: string[] = [];
  const runtime = new ActorRuntime({
    broker,
    record: new SimulatedRecord(systemClock),
    owner: 'owner',
    nonce: 'nonce',
    actors: [
      actor(async (body: string, { message }: ActorContext) => {
        started.push(body);
        if (message.headers['Source'] === 'noisy') await stuck.promise;
        return done();
      }),
    ],
    lanesOf: ({ name }) => [
      {
        stream: 'COMMANDS',
        priority: 'default',
        spec: { stream: 'COMMANDS', consumer: name, filterSubjects: [`commands.default.*.${name}`] },
      },
    ],
    subjects: { deadLetter: () => 'dead', advisory: () => 'advisory' },
    sourceOf: ({ headers }) => headers['Source'] ?? '',
    clock: systemClock,
    random: seededRandom(testSeed),
    log: silentLog,
    observer: silentObserver,
    timing: { checkMs: 20 },
  });
  t.after(async () => {
    stuck.resolve();
    await runtime.stop(1_000);
  });
  const send = async (source: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const key = `${source}-${i}`;
      const emit = {
        id: key,
        subject: `commands.default.${slotOf(key)}.tester`,
        key,
        headers: { Source: source },
        body: Buffer.from(source),
      };
      await broker.publish(emit, new AbortController().signal);
    }
  };
  await send('noisy', 200);
  await send('quiet', 10);
  runtime.start();
  await until('the quiet one is through', () => started.filter((source) => source === 'quiet').length === 10);
  const noisy = started.filter((source) => source === 'noisy').length;
  assert.ok(noisy < DEFAULT_SLOTS - DEFAULT_SLOTS / 8, `${noisy} of the noisy one run`);
});
