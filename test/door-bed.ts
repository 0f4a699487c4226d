import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { HEADERS } from '../lib/core/headers.ts';
import type { BrokerCluster } from '../lib/dev/broker-cluster.ts';
import type { Broker } from '../lib/dev/broker.ts';
import { keepAlive } from '../lib/dev/keep-alive.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createProgram, type LocalProgram } from '../lib/dev/program.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { openOwnBroker } from '../lib/dev/test-bed.ts';
import { createTestSecrets, storeTestSettings } from '../lib/dev/test-settings.ts';
import { type BrokerConnection, connectBroker } from '../lib/jetstream/connection.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import { nanoseconds } from '../lib/jetstream/stream-config.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { logStreams } from '../streams/log-streams.ts';
import { STREAMS } from '../streams/subjects.ts';

/** Ingest alone, as a process, in front of a broker that a test may stop: what the tests of the door stand on. */
export interface DoorBed {
  /** The test's own; with a given cluster any one of it. */
  readonly broker: Broker;
  readonly connection: BrokerConnection;
  /** Describes an ingest with a journal of its own, by this name; nothing runs before `start`. */
  ingest(name: string, env?: NodeJS.ProcessEnv): Promise<Ingest>;
  /** For what the test keeps on the disk; gone after it. */
  readonly folder: string;
  /** What is ended before the broker goes, the last one first. */
  readonly endings: (() => Promise<void>)[];
  /** Runs it, again and again where it dies, until the test is over. */
  keep(program: LocalProgram): Promise<void>;
  /** Everything that is in the log, oldest first. */
  events(): Promise<LogEvent[]>;
}

export interface Ingest {
  readonly url: string;
  readonly opsUrl: string;
  readonly logFile: string;
  /** One life of it. The fail-point is where it dies: `<name>:<pass>`. */
  program(failPoint?: string): LocalProgram;
}

export interface LogEvent {
  readonly seq: number;
  readonly key: string;
  /** The provider's id. */
  readonly delivery: string;
  readonly journal: string;
}

export interface DoorOptions {
  /** Of the log: how long the broker itself knows an id again. (Default: as in production, two minutes) */
  readonly duplicateWindowMs?: number;
  /** Ingest stands in front of it, and the log has three replicas. (Default: one broker of the test's own) */
  readonly cluster?: BrokerCluster;
}

export async function openDoorBed(t: TestContext, options: DoorOptions = {}): Promise<DoorBed> {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-door-'));
  const endings: (() => Promise<void>)[] = [];
  // Added first, so that it is done first: nothing of ours runs any more when the broker goes.
  t.after(async () => {
    for (const end of endings.toReversed()) await end();
    await rm(folder, { recursive: true, force: true });
  });
  const { duplicateWindowMs, cluster } = options;
  const broker = cluster?.brokers[0] ?? (await openOwnBroker(t));
  const { url } = cluster ?? broker;
  const connection = await connectBroker({ url, name: 'test' });
  endings.push(() => connection.close());
  const streams = logStreams({ totalBytes: 512 * 1024 ** 2, replicas: cluster === undefined ? 1 : 3 });
  await applyStreams(
    connection,
    duplicateWindowMs === undefined
      ? streams
      : streams.map((stream) =>
          stream.name === STREAMS.events ? { ...stream, duplicate_window: nanoseconds(duplicateWindowMs) } : stream,
        ),
  );
  const secrets = createTestSecrets();
  await storeTestSettings(secrets, connection, [{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }]);

  return {
    broker,
    connection,
    folder,
    endings,
    async keep(program) {
      const quiet = () => undefined;
      const kept = await keepAlive(program, { onDown: quiet, onUp: quiet, onHopeless: (_name, reason) => t.diagnostic(reason) });
      endings.push(() => kept.stop());
    },
    async ingest(name, env = {}) {
      const [port, opsPort] = [await findFreePort(), await findFreePort()];
      const opsUrl = `http://127.0.0.1:${opsPort}`;
      const logFile = join(folder, `${name}.log`);
      const own = {
        VISAPI_HOME: join(folder, name),
        VISAPI_INSTANCE: name,
        NATS_URL: url,
        ALLOW_UNSAFE_BROKER: 'true',
        INGEST_PORT: String(port),
        INGEST_OPS_PORT: String(opsPort),
        LOG_LEVEL: 'warn',
        ...secrets.env,
        ...env,
      };
      return {
        url: `http://127.0.0.1:${port}`,
        opsUrl,
        logFile,
        program: (failPoint) =>
          createProgram({
            name,
            command: ['cmd/ingest/main.ts'],
            env: failPoint === undefined ? own : { ...own, INGEST_FAIL_POINT: failPoint },
            logFile,
            readyUrl: `${opsUrl}/readyz`,
          }),
      };
    },
    async events() {
      const events: LogEvent[] = [];
      for await (const messages of scanLog(connection, { stream: STREAMS.events }))
        for (const message of messages)
          events.push({
            seq: message.seq,
            key: message.header(HEADERS.key),
            delivery: message.header(HEADERS.ceId),
            journal: message.header(HEADERS.journal),
          });
      return events;
    },
  };
}
