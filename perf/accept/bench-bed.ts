import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { brokerVersion, findBrokerBinary } from '../../lib/dev/broker-binary.ts';
import { type Broker, createBroker } from '../../lib/dev/broker.ts';
import { localHome } from '../../lib/dev/local-home.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { createTestSecrets, storeTestSettings, type TestSecrets } from '../../lib/dev/test-settings.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { type BrokerConnection, connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { createReleaseRequests } from '../load/release-requests.ts';
import { PORT, startTarget, type Target, type TargetName } from './target.ts';

/** A broker, the door and what it is compared with, each a process, in a folder of their own on the project's disk. */
export interface BenchBed {
  /** Where the journal and the broker write. */
  readonly folder: string;
  readonly targets: readonly Target[];
  readonly broker: Broker;
  readonly brokerVersion: string;
  /** Whether the broker fsyncs before it confirms, as it says itself. */
  readonly brokerSyncsAlways: boolean;
  readonly path: string;
  readonly secret: string;
  readonly bodyBytes: number;
  /** Messages that were ever stored in the log of the door. */
  countLogged(): Promise<number>;
  /** Empties the streams, so that no round pays for what an earlier one left; `countLogged` does not change. */
  purge(): Promise<void>;
  stop(): Promise<void>;
}

export interface BedOptions {
  readonly targets: readonly TargetName[];
  /** Processes of the door, behind one socket. */
  readonly doors: number;
  /** Where the door writes its CPU profile when it stops. (Default: none is taken) */
  readonly profileFolder?: string | undefined;
  readonly say: (line: string) => void;
}

const SOURCE = 'github';
const PATH = `/hooks/${SOURCE}`;
const REFERENCE_STREAM = 'REFERENCE';
/** A round of 20,000 a second for some seconds is below a gigabyte; both streams are emptied between. */
const LOG_BYTES = 6 * 1024 ** 3;

export async function openBenchBed(options: BedOptions): Promise<BenchBed> {
  const home = localHome('.visapi');
  mkdirSync(home.root, { recursive: true });
  // Not in the system's folder for temporary files: that may be memory, where a sync costs nothing.
  const folder = mkdtempSync(join(home.root, 'bench-'));
  const secret = randomBytes(24).toString('hex');
  const binary = await findBrokerBinary({ cache: home.cache, say: options.say });
  const monitorPort = await findFreePort();
  const broker = createBroker({ binary, folder: join(folder, 'nats'), port: await findFreePort(), monitorPort });
  const targets: Target[] = [];
  let connection: BrokerConnection | undefined;
  const stop = async () => {
    await Promise.all(targets.map((target) => target.stop()));
    await connection?.close();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await broker.start();
    connection = await connectBroker({ url: broker.url, name: 'bench' });
    await createStreams(connection);
    const settings = createTestSecrets();
    await storeTestSettings(settings, connection, [{ name: SOURCE, preset: 'github', secrets: [{ value: secret }] }]);
    const { requestBytes, bodyBytes } = createReleaseRequests(PATH, secret);
    const monitorUrl = `http://127.0.0.1:${monitorPort}`;
    const start: Record<TargetName, () => Promise<Target>> = {
      visapi: () => startDoor({ ...options, folder, secrets: settings.env, natsUrl: broker.url, monitorUrl }),
      fastify: () => startTarget({ name: 'fastify', folder, command: ['perf/reference/fastify-server.ts', PORT] }),
      publish: () =>
        startTarget({ name: 'publish', folder, command: ['perf/reference/fastify-server.ts', PORT, broker.url, REFERENCE_STREAM] }),
      socket: () => startTarget({ name: 'socket', folder, command: ['perf/reference/socket-server.ts', PORT, `${requestBytes}`] }),
    };
    for (const name of options.targets) targets.push(await start[name]());
    const open = connection;
    return {
      folder,
      targets,
      broker,
      brokerVersion: await brokerVersion(binary),
      brokerSyncsAlways: await syncsAlways(monitorUrl),
      path: PATH,
      secret,
      bodyBytes,
      countLogged: () => countLogged(open),
      purge: async () => {
        for (const name of [STREAMS.events, REFERENCE_STREAM]) await requestApi(open, `$JS.API.STREAM.PURGE.${name}`, {});
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createStreams(connection: BrokerConnection): Promise<void> {
  await applyStreams(connection, logStreams({ totalBytes: LOG_BYTES }));
  const reference = { name: REFERENCE_STREAM, subjects: [REFERENCE_STREAM], storage: 'file', num_replicas: 1 };
  await requestApi(connection, `$JS.API.STREAM.CREATE.${REFERENCE_STREAM}`, reference);
}

interface DoorOptions extends BedOptions {
  readonly folder: string;
  readonly secrets: TestSecrets['env'];
  readonly natsUrl: string;
  readonly monitorUrl: string;
}

async function startDoor(options: DoorOptions): Promise<Target> {
  const { folder, secrets, natsUrl, monitorUrl, profileFolder, doors } = options;
  const opsPorts: number[] = [];
  for (let door = 0; door < doors; door += 1) opsPorts.push(await findFreePort());
  return await startTarget({
    name: 'visapi',
    folder,
    command: [...(profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]), 'cmd/ingest/main.ts'],
    processes: doors,
    env: (port, door) => ({
      VISAPI_HOME: join(folder, `door-${door}`),
      VISAPI_INSTANCE: `ingest-${door}`,
      NATS_URL: natsUrl,
      NATS_MONITOR_URL: monitorUrl,
      ...secrets,
      ACCEPT_AFTER: 'journal',
      // All load comes from one address: it is counted, and never too much.
      INGEST_ADDRESS_REQUESTS_PER_SECOND: '1000000',
      INGEST_PORT: String(port),
      INGEST_OPS_PORT: String(opsPorts[door]),
    }),
    isReady: async () => (await Promise.all(opsPorts.map(isReady))).every((ready) => ready),
  });
}

async function isReady(opsPort: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined))?.ok === true;
}

async function syncsAlways(monitorUrl: string): Promise<boolean> {
  const answer = (await (await fetch(`${monitorUrl}/varz`)).json()) as { jetstream?: { config?: { sync_always?: boolean } } };
  return answer.jetstream?.config?.sync_always === true;
}

/** The last sequence: purging does not change it. */
async function countLogged(connection: BrokerConnection): Promise<number> {
  const { state } = await requestApi<{ state: { last_seq: number } }>(connection, `$JS.API.STREAM.INFO.${STREAMS.events}`);
  return state.last_seq;
}
