import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestTool } from '../cmd/visapi/test-tool.ts';
import { findBrokerBinary } from '../lib/dev/broker-binary.ts';
import { type BrokerNetwork, createBrokerNetwork } from '../lib/dev/broker-network.ts';
import { CLUSTER_SIZE } from '../lib/dev/broker-cluster.ts';
import { type FaultProxy, startFaultProxy } from '../lib/dev/fault-proxy.ts';
import { answersWell } from '../lib/dev/http-answer.ts';
import { poll } from '../lib/dev/poll.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createPostgres } from '../lib/dev/postgres.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { describePrograms, prepareBroker, type ProgramName, saveWorkflows } from '../lib/dev/system-programs.ts';
import { createTestSecrets } from '../lib/dev/test-settings.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { type Sink, startSink } from '../lib/sink/sink.ts';
import { openDatabase } from '../lib/store/database.ts';
import { migrate } from '../lib/store/migrate.ts';
import { logStreams } from '../streams/log-streams.ts';
import type { ChaosHome } from './chaos-home.ts';
import { messagesAt, metricsAt, type ObservedSystem } from './observed-system.ts';
import { PROGRAMS, type Role } from './role.ts';
import { type Disk, makeDisk, type Stage } from './stage.ts';
import { type ChaosBrokers, describeBrokers, PROCESSES, type Topology } from './topology.ts';
import { guard, type Ward } from './ward.ts';
import { CHAOS_WORKFLOWS, OWN_WORKLOAD } from './workload.ts';

/** Between a program and what it stands on. */
export type LinkName = `${ProgramName}-broker` | `${'processor' | 'notifier'}-postgres`;

/** Of all processes of a program, to all brokers or to the database. */
export interface Link extends Pick<FaultProxy, 'cut' | 'heal'> {
  /** What the program is told instead of the address behind it. */
  readonly url: string;
}

/** The whole system on ports and in a folder of its own, every part of it a ward. */
export interface ChaosSystem extends ObservedSystem {
  readonly topology: Topology;
  readonly sink: Sink;
  readonly wards: Readonly<Record<Role, readonly Ward[]>>;
  /** In front of the peer; programs know no other way to it. */
  readonly peerLink: FaultProxy;
  /** Only where the stage has them. */
  readonly links: ReadonlyMap<LinkName, Link>;
  /** Only where the stage has one; of several brokers or ingests it is the first one's. */
  readonly disk: Disk | undefined;
  /** Between the brokers; only where the stage has one. */
  readonly network: BrokerNetwork | undefined;
  readonly natsUrl: string;
  /** The owner's, past all links. */
  readonly databaseUrl: string;
  /** The broker that leads a stream; waits for an election. */
  leaderOf(stream: string): Promise<Ward>;
  /** Makes the peer answer differently; see `POST /behaviour` of the sink. */
  behave(behaviour: object): Promise<void>;
  behaveWell(): Promise<void>;
}

/** A program needs a second or two; a loaded machine several times that. */
const READY_MS = 90_000;
const READY_ANSWER_MS = 2_000;
/** The standard set's largest experiment brings some ten thousand messages. */
const PEER_MESSAGES = 1_000_000;
/** Some ten times what the longest experiment writes: a log that is full stands still, and that is none of its faults. */
const LOG_BYTES = 4 * 1024 ** 3;
/** The least there may be, for a disk of its own. */
const LOG_BYTES_OF_DISK = 256 * 1024 ** 2;

/** @throws Error one sentence; what was started is stopped again */
export async function openChaosSystem(
  home: ChaosHome,
  topology: Topology,
  stage: Stage,
  say: (line: string) => void,
): Promise<ChaosSystem> {
  const endings: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    // One that fails keeps no other from its turn.
    for (const end of endings.splice(0).toReversed()) await Promise.resolve(end()).catch((error: unknown) => say(String(error)));
  };
  try {
    return await open();
  } catch (error) {
    await stop();
    throw error;
  }

  async function open(): Promise<ChaosSystem> {
    const folder = home.work;
    for (const path of [folder, home.run, home.cache]) mkdirSync(path, { recursive: true });
    const options = { runFolder: home.run, say };
    const disk = stage.disk === undefined ? undefined : makeDisk(folder, stage.disk.kind);
    if (disk !== undefined) endings.push(() => disk.remove());
    const onDisk = (of: 'broker' | 'journal' | 'postgres') =>
      disk !== undefined && stage.disk?.of === of ? join(disk.path, of) : join(folder, of);

    const network = stage.network === true ? createBrokerNetwork(CLUSTER_SIZE) : undefined;
    if (typeof network === 'string') throw new Error(network);
    if (network !== undefined) endings.push(() => network.remove());

    const binary = await findBrokerBinary({ cache: home.cache, say });
    const brokers = await describeBrokers(topology, {
      binary,
      folder: onDisk('broker'),
      logs: folder,
      ...(network === undefined ? {} : { places: network.places }),
    });
    const postgres = createPostgres({
      folder: onDisk('postgres'),
      port: await findFreePort(),
      logFile: join(folder, 'postgres.log'),
    });
    const journals = Array.from({ length: PROCESSES[topology] }, (_, at) =>
      at === 0 ? onDisk('journal') : join(folder, numbered('journal', at)),
    );
    const keep = async (part: Parameters<typeof guard>[0]): Promise<Ward> => {
      const ward = await guard(part, options);
      endings.push(() => ward.stop());
      return ward;
    };
    const [postgresWard, ...brokerWards] = await Promise.all([
      keep(asPart('postgres', postgres)),
      ...brokers.brokers.map((broker, at) => keep(asPart(numbered('broker', at), broker))),
    ]);
    await brokers.whenReady();
    await migrate(postgres.url);
    const database = await openDatabase({ url: postgres.url, applicationName: 'chaos', allowUnsafe: true });
    endings.push(() => database.close());
    const connection = await connectBroker({ url: brokers.url, name: 'chaos' });
    endings.push(() => connection.close());
    const sink = await startSink({ port: 0, maxMessages: PEER_MESSAGES });
    endings.push(() => sink.stop());
    const peerLink = await startFaultProxy(Number(new URL(sink.url).port));
    endings.push(() => peerLink.close());

    const secrets = createTestSecrets();
    await saveWorkflows(database, CHAOS_WORKFLOWS);
    const sources = [{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }];
    const totalBytes = stage.disk?.of === 'broker' ? LOG_BYTES_OF_DISK : LOG_BYTES;
    await prepareBroker(brokers.url, logStreams({ totalBytes, replicas: brokers.replicas }), secrets, sources);
    const links = await openLinks(brokers, postgres.url, stage, endings);
    const { processes, env, ingestUrl } = await describePrograms({
      folder,
      processes: PROCESSES[topology],
      natsUrl: brokers.url,
      databaseUrl: postgres.url,
      sink: { ...sink, url: withPort(sink.url, peerLink.port).replace(/\/$/, '') },
      secrets,
      holdsSocket: true,
      env: { LOG_LEVEL: 'warn' },
      envOf: (name, number) => ({
        NATS_URL: links.get(`${name}-broker`)?.url ?? brokers.url,
        ...(name === 'ingest' ? { INGEST_JOURNAL_PATH: journals[number - 1] } : {}),
        ...(name === 'processor' ? stage.processor : {}),
      }),
      databaseUrlOf: (name, url) => {
        const link = name === 'ingest' ? undefined : links.get(`${name}-postgres`);
        // With the program's own role, and the link's port.
        return link === undefined ? url : withPort(url, Number(new URL(link.url).port));
      },
    });
    const keepAll = (name: ProgramName) => Promise.all(processes[name].map(keep));
    const [ingest, processor, notifier] = await Promise.all([keepAll('ingest'), keepAll('processor'), keepAll('notifier')]);
    const wards = { broker: brokerWards, postgres: [postgresWard], ingest, processor, notifier };
    const urlsOf = (name: ProgramName) => processes[name].map(({ readyUrl }) => readyUrl);
    const readyUrls = { ingest: urlsOf('ingest'), processor: urlsOf('processor'), notifier: urlsOf('notifier') };
    for (const url of Object.values(readyUrls).flat())
      await poll(async () => ((await answersWell(url, READY_ANSWER_MS)) ? true : undefined), {
        deadlineMs: READY_MS,
        what: `${url} to be ready`,
      });

    const tool = createTestTool(env);
    return {
      topology,
      folder,
      ingestUrl,
      workload: OWN_WORKLOAD,
      unaccountedBefore: new Map(),
      sink,
      wards,
      readyUrls,
      peerLink,
      links,
      disk,
      network,
      natsUrl: brokers.url,
      databaseUrl: postgres.url,
      journals,
      database,
      connection,
      async leaderOf(stream) {
        const leader = await brokers.leaderOf(stream);
        return brokerWards[brokers.brokers.indexOf(leader)]!;
      },
      visapi: (...words) => tool.run(...words),
      async behave(behaviour) {
        const { status } = await fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) });
        if (status !== 201) throw new Error(`the peer refused the behaviour with ${status}`);
      },
      behaveWell: async () => void (await fetch(`${sink.url}/behaviour`, { method: 'DELETE' })),
      messages: (filter) => messagesAt(sink.url, filter),
      metrics: (name) => metricsAt(readyUrls[name]),
      keepLogs(into) {
        mkdirSync(into, { recursive: true });
        const names = readdirSync(folder).filter((name) => name.endsWith('.log') || name.endsWith('.jsonl'));
        for (const name of names) cpSync(join(folder, name), join(into, name));
      },
      stop,
    };
  }
}

/** The first of several has the name alone, as where it is the only one. */
function numbered(name: string, at: number): string {
  return at === 0 ? name : `${name}-${at + 1}`;
}

async function openLinks(
  { url: natsUrl }: ChaosBrokers,
  postgresUrl: string,
  stage: Stage,
  endings: (() => Promise<void> | void)[],
): Promise<ReadonlyMap<LinkName, Link>> {
  const links = new Map<LinkName, Link>();
  const open = async (name: LinkName, urls: string): Promise<void> => {
    const proxies: FaultProxy[] = [];
    const through: string[] = [];
    for (const url of urls.split(',')) {
      const proxy = await startFaultProxy(Number(new URL(url).port));
      endings.push(() => proxy.close());
      proxies.push(proxy);
      through.push(withPort(url, proxy.port));
    }
    links.set(name, {
      url: through.join(','),
      cut: (ways) => proxies.forEach((proxy) => proxy.cut(ways)),
      heal: async () => void (await Promise.all(proxies.map((proxy) => proxy.heal()))),
    });
  };
  if (stage.links !== true) return links;
  for (const name of PROGRAMS) await open(`${name}-broker`, natsUrl);
  for (const name of ['processor', 'notifier'] as const) await open(`${name}-postgres`, postgresUrl);
  return links;
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString();
}

function asPart(name: string, server: Omit<Parameters<typeof guard>[0], 'name'>): Parameters<typeof guard>[0] {
  return {
    name,
    get pid() {
      return server.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    whenDown: () => server.whenDown(),
  };
}
