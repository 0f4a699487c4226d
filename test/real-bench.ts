import { setTimeout as wait } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import type { ConformanceBench } from '../lib/actor/conformance/bench.ts';
import type { DeadLetter, ParkedRow, SuspectStart } from '../lib/actor/record-port.ts';
import { ActorRuntime } from '../lib/actor/runtime.ts';
import { createCuttable } from '../lib/actor/simulation/cuttable.ts';
import { silentLog } from '../lib/actor/simulation/silence.ts';
import { systemClock } from '../lib/core/clock.ts';
import { slotOf } from '../lib/core/slot.ts';
import { openTestBed } from '../lib/dev/test-bed.ts';
import { createActorObserver } from '../lib/host/actor-observer.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { createBrokerAdapter } from '../lib/jetstream/broker-adapter.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import { createPublisher } from '../lib/jetstream/publisher.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { openDatabase } from '../lib/store/database.ts';
import { createRecordStore } from '../lib/store/record-store.ts';
import { createReplay, listReplays } from '../lib/store/replays.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../streams/actor-lanes.ts';
import { commandSubject } from '../streams/subjects.ts';
import { seededRandom } from '../lib/core/seeded-random.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { testStreams } from './test-streams.ts';

/** A broker that waits for its disk confirms late. */
const PUBLISH_MS = 30_000;

/** A bench of a real broker and a real database, each the test's own. */
export async function openRealBench(t: TestContext): Promise<ConformanceBench> {
  const bed = await openTestBed(t);
  const connection = await connectBroker({ url: bed.natsUrl, name: 'conformance' });
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'conformance', allowUnsafe: true });
  const publisher = createPublisher(connection);
  const record = createRecordStore(database);
  const running = new Set<ActorRuntime>();
  t.after(async () => {
    // A property that failed has left them running.
    await Promise.all([...running].map((runtime) => runtime.stop(0)));
    await publisher.stop(1_000);
    await record.close();
    await database.close();
    await connection.close();
  });
  await applyStreams(connection, testStreams());
  const broker = createBrokerAdapter(connection, publisher);
  let sent = 0;
  let lives = 0;
  return {
    send: async ({ actor, key, body, priority = 'default', id = `m${sent++}` }) =>
      await publisher.publish(
        { id, subject: commandSubject({ priority, slot: slotOf(key), actor }), key, headers: {}, body: Buffer.from(body) },
        AbortSignal.timeout(PUBLISH_MS),
      ),
    publish: async (emit) => await publisher.publish(emit, AbortSignal.timeout(PUBLISH_MS)),
    start: (actors, { owner = 'owner', timing = {} } = {}) => {
      const ports = createCuttable(broker, record, systemClock);
      const runtime = new ActorRuntime({
        ...ports,
        owner,
        nonce: String(lives++),
        actors,
        lanesOf: lanesOfActor,
        subjects: DEAD_LETTER_SUBJECTS,
        random: seededRandom(testSeed + lives),
        log: silentLog,
        observer: createActorObserver(new Registry()),
        timing: { checkMs: 50, ...timing },
      });
      runtime.start();
      running.add(runtime);
      const kill = (): void => {
        running.delete(runtime);
        ports.cut();
      };
      return { stop: (drainMs = 1_000) => runtime.stop(drainMs), kill, status: () => runtime.status() };
    },
    deadLetters: async () =>
      await database.query<DeadLetter>({
        text: `select id, message_id as "messageId", reason, detail, history from dead_letters order by id`,
      }),
    messages: async (stream) => {
      const messages = [];
      for await (const chunk of scanLog(connection, { stream })) messages.push(...chunk.map((scanned) => scanned.toMessage()));
      return messages;
    },
    parked: async () =>
      await database.query<ParkedRow & { [column: string]: unknown }>({ text: 'select stream, seq, key from parked order by seq' }),
    suspects: async () =>
      await database.query<SuspectStart & { [column: string]: unknown }>({ text: 'select stream, seq, starts, quarantined from suspects' }),
    effect: async (id) =>
      (
        await database.query<{ state: string; repeats: number }>({ text: 'select state, repeats from effects where id = $1', values: [id] })
      )[0],
    state: async (actor, key) =>
      (
        await database.query<{ version: number; json: string }>({
          text: 'select version, state::text as json from actor_states where actor = $1 and event_key = $2 and key = $2',
          values: [actor, key],
        })
      )[0],
    isSettled: async (actor, priority, partition, seqs) => {
      const [lane] = await database.query<{ settled: boolean }>({
        text: `select (select bool_and(seq <= floor or (seq <= highest and seq <> all(open))) from unnest($4::bigint[]) as seq) as settled
               from lanes where actor = $1 and partition = $2 and stream = 'COMMANDS' and priority = $3`,
        values: [actor, partition, priority, seqs],
      });
      return lane?.settled === true;
    },
    outboxSize: async () => Number((await database.query<{ count: string }>({ text: 'select count(*) as count from outbox' }))[0]!.count),
    adopt: async ({ actor, partition, stream, seq, priority, key, messageId, because }) => {
      await database.query({
        text: `insert into parked (actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, history, adopted)
               values ($1, $2, $3, $4, $5, $6, $7, 0, now(), $8, '[]', false)`,
        values: [actor, partition, stream, seq, priority, key, messageId, because],
      });
    },
    steal: async (actor, priority, partition) => {
      const thief = connection.nats.subscribe(`thief.${sent}`);
      connection.nats.publish(
        `$JS.API.CONSUMER.MSG.NEXT.COMMANDS.${actor}-${priority}-${partition}`,
        JSON.stringify({ batch: 1, expires: 10_000_000_000 }),
        { reply: thief.getSubject() },
      );
      // The broker serves pulls in turn: once the owner's open one has expired and was asked for anew, the thief's is first.
      await wait(300);
    },
    replay: async ({ id, actor, partition, priority, fromSeq, untilSeq, repeat = [] }) =>
      await createReplay(database, {
        id,
        actor,
        stream: 'COMMANDS',
        kind: untilSeq === null ? 'in-place' : 'slice',
        asked: {},
        repeat,
        divertTo: [],
        rate: null,
        total: 0,
        who: 'test',
        parts: [{ partition, priority, fromSeq, untilSeq, key: null, types: [], filterSubjects: [`commands.${priority}.*.${actor}`] }],
      }),
    replayed: async (id) => {
      const [found] = (await listReplays(database, {}, 100)).filter((each) => each.id.startsWith(id));
      return found === undefined ? undefined : { ...found, isEnded: found.status === 'done' };
    },
    reset: async (actor, priority, partition, seq) => {
      await requestApi(connection, `$JS.API.CONSUMER.RESET.COMMANDS.${actor}-${priority}-${partition}`, { seq });
    },
    forgetConsumers: async () => {
      const { consumers } = await requestApi<{ consumers: string[] }>(connection, '$JS.API.CONSUMER.NAMES.COMMANDS');
      await Promise.all(consumers.map((name) => requestApi(connection, `$JS.API.CONSUMER.DELETE.COMMANDS.${name}`)));
    },
    subjectTo: (actor, key, priority = 'default') => commandSubject({ priority, slot: slotOf(key), actor }),
  };
}
