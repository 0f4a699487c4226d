import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestTool, type Ended } from '../cmd/visapi/test-tool.ts';
import { findBrokerBinary } from '../lib/dev/broker-binary.ts';
import { type Broker, createBroker } from '../lib/dev/broker.ts';
import { type FaultProxy, startFaultProxy } from '../lib/dev/fault-proxy.ts';
import { poll } from '../lib/dev/poll.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createPostgres, type Postgres } from '../lib/dev/postgres.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { describePrograms, prepareBroker, type ProgramName, saveWorkflows } from '../lib/dev/system-programs.ts';
import { createTestSecrets } from '../lib/dev/test-settings.ts';
import { type BrokerConnection, connectBroker } from '../lib/jetstream/connection.ts';
import { type Sink, startSink } from '../lib/sink/sink.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { migrate } from '../lib/store/migrate.ts';
import { logStreams } from '../streams/log-streams.ts';
import type { ChaosHome } from './chaos-home.ts';
import { type Disk, makeDisk, type Stage } from './stage.ts';
import { guard, type Ward } from './ward.ts';
import { CHAOS_WORKFLOWS } from './workload.ts';

export const PROGRAMS = ['ingest', 'processor', 'notifier'] as const satisfies readonly ProgramName[];

export type PartName = ProgramName | 'broker' | 'postgres';

/** Between a program and what it stands on. */
export type LinkName = `${ProgramName}-broker` | `${'processor' | 'notifier'}-postgres`;

/** The whole system on ports and in a folder of its own, every part of it a ward. */
export interface ChaosSystem {
  readonly folder: string;
  readonly ingestUrl: string;
  readonly sink: Sink;
  readonly wards: Readonly<Record<PartName, Ward>>;
  readonly readyUrls: Readonly<Record<ProgramName, string>>;
  /** Only where the stage has them. */
  readonly links: ReadonlyMap<LinkName, FaultProxy>;
  /** Only where the stage has one. */
  readonly disk: Disk | undefined;
  readonly natsUrl: string;
  /** The owner's, past all links. */
  readonly databaseUrl: string;
  readonly database: Database;
  /** Past all links; it connects again by itself. */
  readonly connection: BrokerConnection;
  /** Runs the tool in this system's environment. */
  visapi(...words: string[]): Promise<Ended>;
  /** Makes the peer answer differently; see `POST /behaviour` of the sink. */
  behave(behaviour: object): Promise<void>;
  behaveWell(): Promise<void>;
  metrics(name: ProgramName): Promise<string>;
  /** Logs of all parts into a folder. */
  keepLogs(folder: string): void;
  /** Lets everything go on, stops it in order and removes its data. May be called twice. */
  stop(): Promise<void>;
}

/** A program needs a second or two; a loaded machine several times that. */
const READY_MS = 90_000;
/** The standard set's largest experiment brings some ten thousand messages. */
const PEER_MESSAGES = 1_000_000;
const LOG_BYTES = 1024 ** 3;

/** @throws Error one sentence; what was started is stopped again */
export async function openChaosSystem(home: ChaosHome, stage: Stage, say: (line: string) => void): Promise<ChaosSystem> {
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
    const onDisk = (of: 'broker' | 'journal') => (disk !== undefined && stage.disk?.of === of ? join(disk.path, of) : join(folder, of));

    const binary = await findBrokerBinary({ cache: home.cache, say });
    const broker = createBroker({ binary, folder: onDisk('broker'), port: await findFreePort(), logFile: join(folder, 'broker.log') });
    const postgres = createPostgres({
      folder: join(folder, 'postgres'),
      port: await findFreePort(),
      logFile: join(folder, 'postgres.log'),
    });
    const keep = async (part: Parameters<typeof guard>[0]): Promise<Ward> => {
      const ward = await guard(part, options);
      endings.push(() => ward.stop());
      return ward;
    };
    const [brokerWard, postgresWard] = await Promise.all([keep(asPart('broker', broker)), keep(asPart('postgres', postgres))]);
    await migrate(postgres.url);
    const database = await openDatabase({ url: postgres.url, applicationName: 'chaos', allowUnsafe: true });
    endings.push(() => database.close());
    const connection = await connectBroker({ url: broker.url, name: 'chaos' });
    endings.push(() => connection.close());
    const sink = await startSink({ port: 0, maxMessages: PEER_MESSAGES });
    endings.push(() => sink.stop());

    const secrets = createTestSecrets();
    await saveWorkflows(database, CHAOS_WORKFLOWS);
    const sources = [{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }];
    await prepareBroker(
      broker.url,
      logStreams({ totalBytes: stage.disk?.of === 'broker' ? disk!.bytes / 2 : LOG_BYTES }),
      secrets,
      sources,
    );
    const links = await openLinks(broker, postgres, stage, endings);
    const through = (name: LinkName, url: string): string => {
      const link = links.get(name);
      return link === undefined ? url : withPort(url, link.port);
    };
    const { programs, env, ingestUrl } = await describePrograms({
      folder,
      natsUrl: broker.url,
      databaseUrl: postgres.url,
      sink,
      secrets,
      holdsSocket: true,
      env: { LOG_LEVEL: 'warn' },
      envOf: (name) => ({
        NATS_URL: through(`${name}-broker`, broker.url),
        ...(name === 'ingest' ? { INGEST_JOURNAL_PATH: onDisk('journal') } : {}),
        ...(name === 'processor' ? stage.processor : {}),
      }),
      databaseUrlOf: (name, url) => (name === 'ingest' ? '' : through(`${name}-postgres`, url)),
    });
    const wards = { broker: brokerWard, postgres: postgresWard } as Record<PartName, Ward>;
    const kept = await Promise.all(PROGRAMS.map((name) => keep(programs[name])));
    for (const [at, name] of PROGRAMS.entries()) wards[name] = kept[at]!;
    const readyUrls = { ingest: programs.ingest.readyUrl, processor: programs.processor.readyUrl, notifier: programs.notifier.readyUrl };
    for (const name of PROGRAMS)
      await poll(async () => ((await isReady(readyUrls[name])) ? true : undefined), { deadlineMs: READY_MS, what: `${name} to be ready` });

    // The tool reads the journal's file to account for what waits in it.
    const tool = createTestTool({ ...env, INGEST_JOURNAL_PATH: onDisk('journal') });
    return {
      folder,
      ingestUrl,
      sink,
      wards,
      readyUrls,
      links,
      disk,
      natsUrl: broker.url,
      databaseUrl: postgres.url,
      database,
      connection,
      visapi: (...words) => tool.run(...words),
      async behave(behaviour) {
        const { status } = await fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) });
        if (status !== 201) throw new Error(`the peer refused the behaviour with ${status}`);
      },
      behaveWell: async () => void (await fetch(`${sink.url}/behaviour`, { method: 'DELETE' })),
      metrics: async (name) => await (await fetch(new URL('/metrics', readyUrls[name]), { signal: AbortSignal.timeout(5_000) })).text(),
      keepLogs(into) {
        mkdirSync(into, { recursive: true });
        for (const name of [...PROGRAMS, 'broker', 'postgres']) {
          const file = join(folder, `${name}.log`);
          if (existsSync(file)) cpSync(file, join(into, `${name}.log`));
        }
      },
      stop,
    };
  }
}

/** Whether a program says that it can do its job. */
export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

async function openLinks(
  broker: Broker,
  postgres: Postgres,
  stage: Stage,
  endings: (() => Promise<void> | void)[],
): Promise<ReadonlyMap<LinkName, FaultProxy>> {
  const links = new Map<LinkName, FaultProxy>();
  const open = async (name: LinkName, url: string): Promise<void> => {
    const link = await startFaultProxy(Number(new URL(url).port));
    endings.push(() => link.close());
    links.set(name, link);
  };
  if (stage.links !== true) return links;
  for (const name of PROGRAMS) await open(`${name}-broker`, broker.url);
  for (const name of ['processor', 'notifier'] as const) await open(`${name}-postgres`, postgres.url);
  return links;
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString();
}

function asPart(name: string, server: Broker | Postgres): Parameters<typeof guard>[0] {
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
