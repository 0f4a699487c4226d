import { type ChildProcess, spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { createWorkflowActor } from '../../cmd/processor/workflow-actor.ts';
import { createTestTool, type TestTool } from '../../cmd/visapi/test-tool.ts';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { silentLog } from '../../lib/actor/simulation/silence.ts';
import { done } from '../../lib/actor/verdict.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { type ActorHost, startActorHost } from '../../lib/host/actor-host.ts';
import { type BrokerConnection, connectBroker } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { type Database, openDatabase } from '../../lib/store/database.ts';
import { createRunReader } from '../../lib/store/run-reader.ts';
import { applyWorkflow } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { EMAIL_LANES, SLACK_LANES } from '../../streams/actors.ts';
import { testStreams } from '../test-streams.ts';
import { stepSucceeded } from '../../streams/step-result.ts';
import { eventSubject } from '../../streams/subjects.ts';

/** One effect that happened, in the order in which they did. */
export interface Effect {
  readonly actor: 'slack' | 'email';
  /** The event's key and number, as the workflow has rendered them. */
  readonly text: string;
  /** Where it went. */
  readonly to: string;
  readonly at: number;
}

/**
 * The workflow actor with a slack and an email actor that only note what they would do, on a real broker and database. The workflow
 * actor may run as a process of its own, which a test may kill.
 */
export interface ReplayBed {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly tool: TestTool;
  readonly effects: readonly Effect[];
  /** Publishes events `<key>/<number>`, the keys in turn; resolves with the last one's sequence. */
  publish(events: { readonly count: number; readonly keys: number; readonly type?: string; readonly prefix?: string }): Promise<number>;
  publishOne(key: string, number: number, type: string): Promise<number>;
  /** The workflow actor in this process. */
  startWorkflow(): ActorHost;
  /** The same as a process of its own. */
  spawnWorkflow(): ChildProcess;
}

const WORKFLOW = JSON.stringify({
  name: 'tell',
  on: { event: ['order.paid', 'order.live'] },
  steps: [
    { id: 'post', uses: 'slack.send', with: { channel: '#sales', text: '{{ event.key }} {{ event.data.number }}' } },
    { id: 'mail', uses: 'email.send', with: { to: 'a@example.org', subject: '{{ event.key }} {{ event.data.number }}', text: 'Hi' } },
  ],
});

const DRAIN_MS = 2_000;

export async function openReplayBed(t: TestContext): Promise<ReplayBed> {
  const { natsUrl, databaseUrl } = await openTestBed(t);
  const connection = await connectBroker({ url: natsUrl, name: 'replay test' });
  const database = await openDatabase({ url: databaseUrl, applicationName: 'replay test', allowUnsafe: true });
  const effects: Effect[] = [];
  const hosts: ActorHost[] = [];
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(hosts.map((host) => host.stop(DRAIN_MS)));
    await database.close();
    await connection.close();
  });
  await applyStreams(connection, testStreams(512 * 1024 ** 2));
  const checked = compileText(WORKFLOW, 1);
  if (checked.kind !== 'right') throw new Error(JSON.stringify(checked.mistakes));
  await applyWorkflow(database, { name: 'tell', document: checked.value.definition, who: 'test' });
  const host = (instance: string, actors: readonly ActorDefinition[]): ActorHost => {
    const started = startActorHost({
      instance,
      actors,
      connection,
      database,
      registry: new Registry(),
      lanesOf: lanesOfActor,
      subjects: DEAD_LETTER_SUBJECTS,
      log: createLog({ program: instance, env: 'development', version: '0', level: 'silent' }),
    });
    hosts.push(started);
    return started;
  };
  const notifier = host('notifier', [noting('slack', effects), noting('email', effects)]);
  const publishOne: ReplayBed['publishOne'] = async (key, number, type) =>
    (
      await notifier.publisher.publish(
        {
          id: `${type}/${key}/${number}`,
          key,
          subject: eventSubject({ priority: 'default', slot: slotOf(key), source: 'shop', type }),
          headers: { [HEADERS.ceType]: type, [HEADERS.received]: new Date().toISOString() },
          body: Buffer.from(JSON.stringify({ number })),
        },
        AbortSignal.timeout(20_000),
      )
    ).seq;
  return {
    natsUrl,
    databaseUrl,
    connection,
    database,
    effects,
    tool: createTestTool({ NATS_URL: natsUrl, DATABASE_URL: databaseUrl }),
    publishOne,
    publish: async ({ count, keys, type = 'order.paid', prefix = 'k' }) => {
      const seqs: Promise<number>[] = [];
      for (let i = 0; i < count; i++) {
        seqs.push(publishOne(`${prefix}${i % keys}`, Math.floor(i / keys), type));
        // Bounded: the publisher holds what waits for its key.
        if (i % 500 === 499) await seqs.at(-1);
      }
      return Math.max(...(await Promise.all(seqs)));
    },
    startWorkflow: () =>
      host('processor', [
        createWorkflowActor({
          reader: createRunReader(database),
          readMessage: (stream, seq) => readStored(connection, stream, seq),
          clock: systemClock,
          log: silentLog,
        }) as ActorDefinition,
      ]),
    spawnWorkflow: () => {
      const env = {
        NATS_URL: natsUrl,
        DATABASE_URL: databaseUrl,
        ALLOW_UNSAFE_BROKER: 'true',
        PROCESSOR_OPS_PORT: '0',
      };
      const child = spawn(process.execPath, ['cmd/processor/main.ts'], { env: env as NodeJS.ProcessEnv, stdio: 'ignore' });
      children.push(child);
      return child;
    },
  };
}

function noting(name: Effect['actor'], effects: Effect[]): ActorDefinition {
  return defineActor<{ text: string; to: string }>({
    ...(name === 'slack' ? SLACK_LANES : EMAIL_LANES),
    start: 'beginning',
    input: ({ body, headers }) => {
      const { channel, text, to, subject } = JSON.parse(Buffer.from(body).toString()) as Record<string, string>;
      return { text: name === 'slack' ? text! : subject!, to: headers[HEADERS.divert] ?? (name === 'slack' ? channel! : to!) };
    },
    retry: { attempts: 3, delayMs: () => 20 },
    timeoutMs: 5_000,
    receive: async (input, context) => {
      await context.effect('send', () => {
        effects.push({ actor: name, ...input, at: Date.now() });
        return Promise.resolve({});
      });
      for (const result of stepSucceeded(context.message, {})) context.emit(result);
      return done();
    },
  }) as ActorDefinition;
}

/** How often each text was told by an actor. */
export function countByText(effects: readonly Effect[], actor: Effect['actor']): Map<string, number> {
  const counts = new Map<string, number>();
  for (const effect of effects) if (effect.actor === actor) counts.set(effect.text, (counts.get(effect.text) ?? 0) + 1);
  return counts;
}
