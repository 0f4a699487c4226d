import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actor } from '../lib/actor/conformance/bench.ts';
import { ActorRuntime } from '../lib/actor/runtime.ts';
import { silentLog, silentObserver } from '../lib/actor/simulation/silence.ts';
import { SimulatedRecord } from '../lib/actor/simulation/simulated-record.ts';
import { done } from '../lib/actor/verdict.ts';
import { systemClock } from '../lib/core/clock.ts';
import { seededRandom } from '../lib/core/seeded-random.ts';
import { slotOf } from '../lib/core/slot.ts';
import { openOwnCluster } from '../lib/dev/test-bed.ts';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { requestApiUntil } from '../lib/jetstream/api-request.ts';
import { createBrokerAdapter } from '../lib/jetstream/broker-adapter.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { createPublisher } from '../lib/jetstream/publisher.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../streams/actor-lanes.ts';
import { logStreams } from '../streams/log-streams.ts';
import { commandSubject, STREAMS } from '../streams/subjects.ts';
import { until } from './system-bed.ts';

const CHANGES = scaled({ day: 4, night: 40 });
const CONSUMER = 'tester-default-0';
/** By day only that it is far below the 40 s for which a pull without an end of its own stands still. */
const WITHIN_MS = 25_000;
/** "Well under a second", on a machine that does nothing else. */
const MEDIAN_BELOW_MS = 500;

test('a lane goes on at once when its consumer has another leader, in order and with nothing twice', async (t) => {
  const cluster = await openOwnCluster(t);
  const connection = await connectBroker({ url: cluster.url, name: 'leader test' });
  const publisher = createPublisher(connection);
  const handled: number[] = [];
  const runtime = new ActorRuntime({
    broker: createBrokerAdapter(connection, publisher),
    record: new SimulatedRecord(systemClock),
    owner: 'owner',
    nonce: 'nonce',
    actors: [
      actor((body) => {
        handled.push(Number(body));
        return done();
      }),
    ],
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
    clock: systemClock,
    random: seededRandom(testSeed),
    log: silentLog,
    observer: silentObserver,
  });
  t.after(async () => {
    await runtime.stop(1_000);
    await publisher.stop(1_000);
    await connection.close();
  });
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2, replicas: 3 }));
  runtime.start();
  let sent = 0;
  const sendAndWait = async (): Promise<number> => {
    const number = sent++;
    const subject = commandSubject({ priority: 'default', slot: slotOf('key'), actor: 'tester' });
    await publisher.publish(
      { id: `m${number}`, subject, key: 'key', headers: {}, body: Buffer.from(String(number)) },
      AbortSignal.timeout(30_000),
    );
    const storedAt = performance.now();
    await until(`message ${number} is handled`, () => handled.includes(number), WITHIN_MS);
    return performance.now() - storedAt;
  };
  await until('the unit is open', () => runtime.status().openUnits === 1, 60_000);
  await sendAndWait();
  const times: number[] = [];
  const leaders = new Set<string>();
  for (let change = 0; change < CHANGES; change++) {
    leaders.add((await cluster.leaderOf(STREAMS.commands, CONSUMER)).url);
    await requestApiUntil(connection, `$JS.API.CONSUMER.LEADER.STEPDOWN.${STREAMS.commands}.${CONSUMER}`, {}, WITHIN_MS);
    times.push(await sendAndWait());
  }
  assert.deepEqual(
    handled,
    Array.from({ length: sent }, (_, number) => number),
  );
  assert.ok(leaders.size > 1, 'its leader never changed');
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  t.diagnostic(
    `${CHANGES} changes: handled in the middle ${Math.round(median)} ms after the log had it, at worst ${Math.round(sorted.at(-1)!)} ms`,
  );
  if (isNight) assert.ok(median < MEDIAN_BELOW_MS, `median ${median} ms`);
});
