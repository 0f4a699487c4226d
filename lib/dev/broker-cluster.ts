import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { findBrokerBinary } from './broker-binary.ts';
import { type Broker, type BrokerOptions, createBroker, hostOf } from './broker.ts';
import type { NetworkPlace } from './broker-network.ts';
import { localHome } from './local-home.ts';
import { poll } from './poll.ts';
import { findFreePorts } from './port.ts';

/** Three brokers of one cluster, on the loopback or each in a place of its own; any one of them may be away. */
export interface BrokerCluster {
  /** All three, with commas between them. */
  readonly url: string;
  /** Their monitoring pages, with commas between them: NATS_MONITOR_URL of a program. */
  readonly monitorUrl: string;
  readonly brokers: readonly Broker[];
  /** Starts all that are down. @throws Error when no majority answers in time */
  start(): Promise<void>;
  /** Resolves when there is a majority that elects. @throws Error when there is none in time */
  whenReady(): Promise<void>;
  /** Stops all of them, frozen ones too. May be called twice. */
  stop(): Promise<void>;
  /** The one that leads a stream, or a consumer of it; waits for an election. @throws Error where nobody leads in time */
  leaderOf(stream: string, consumer?: string): Promise<Broker>;
}

/** The ports of one broker of a cluster, and what else is its own. */
export interface BrokerPorts {
  readonly port: number;
  /** For the other brokers. */
  readonly routePort: number;
  readonly monitorPort: number;
  /** See `BrokerOptions`. */
  readonly logFile?: string;
  readonly place?: NetworkPlace;
  /** Of its data. (Default: its number, in the folder of all) */
  readonly folder?: string;
}

/** Smaller clusters lose their majority with one broker. */
export const CLUSTER_SIZE = 3;

/** An election takes 4 to 9 s, and a busy machine may need a second one. */
const MAJORITY_DEADLINE_MS = 60_000;
const REQUEST_MS = 2_000;

/** Describes a cluster; nothing runs before `start`. Each broker has its data in a folder of its own in `folder`. */
export function createBrokerCluster(
  options: Pick<BrokerOptions, 'binary' | 'folder' | 'accounts' | 'syncAlways'> & { readonly members: readonly BrokerPorts[] },
): BrokerCluster {
  const { members, folder, ...rest } = options;
  const all = members.map((member) => `${hostOf(member)}:${member.routePort}`);
  const brokers = members.map(({ routePort, ...own }, index) =>
    createBroker({ ...rest, ...own, folder: own.folder ?? join(folder, `${index + 1}`), cluster: { port: routePort, all } }),
  );
  const url = brokers.map((broker) => broker.url).join(',');
  const ask = <Answer>(subject: string): Promise<Answer> => askCluster(url, subject, options.accounts !== undefined);
  const whenReady = async (): Promise<void> => {
    await poll(async () => ((await ask<ApiAnswer>('$JS.API.INFO')).error === undefined ? true : undefined), {
      deadlineMs: MAJORITY_DEADLINE_MS,
      what: `a majority of the brokers at ${url}`,
    });
  };
  return {
    url,
    monitorUrl: members.map((member) => `http://${hostOf(member)}:${member.monitorPort}`).join(','),
    brokers,
    async start() {
      await Promise.all(brokers.filter(({ pid }) => pid === undefined).map((broker) => broker.start()));
      await whenReady();
    },
    whenReady,
    async stop() {
      for (const broker of brokers) broker.thaw();
      await Promise.all(brokers.map((broker) => broker.stop()));
    },
    async leaderOf(stream, consumer) {
      const subject = consumer === undefined ? `$JS.API.STREAM.INFO.${stream}` : `$JS.API.CONSUMER.INFO.${stream}.${consumer}`;
      return await poll(
        async () => {
          const { cluster } = await ask<ApiAnswer>(subject);
          return brokers.find(({ serverName }) => serverName === cluster?.leader);
        },
        { deadlineMs: MAJORITY_DEADLINE_MS, what: `a leader of ${[stream, consumer].filter(Boolean).join(' ')}`, everyMs: 100 },
      );
    },
  };
}

/** A cluster as the one broker that a test stops, kills and freezes: all three at once. `serverName` and `pid` are the first one's. */
export function asOneBroker(cluster: BrokerCluster): Broker {
  const { brokers, url } = cluster;
  const [first] = brokers;
  const all = async (act: (broker: Broker) => Promise<void>): Promise<void> => void (await Promise.all(brokers.map(act)));
  return {
    url,
    serverName: first!.serverName,
    get pid() {
      return first!.pid;
    },
    start: () => cluster.start(),
    stop: () => cluster.stop(),
    whenDown: () => all((broker) => broker.whenDown()),
    kill: () => all((broker) => broker.kill()),
    freeze: () => brokers.forEach((broker) => broker.freeze()),
    thaw: () => brokers.forEach((broker) => broker.thaw()),
  };
}

/**
 * Starts a cluster in a temporary folder, on ports that nobody has. For tests and experiments.
 * @returns it; `stop` also removes what it has written
 */
export async function startBrokerCluster(options: Pick<BrokerOptions, 'accounts' | 'syncAlways'> = {}): Promise<BrokerCluster> {
  const binary = process.env['VISAPI_NATS_SERVER'] ?? (await findBrokerBinary({ cache: localHome('.visapi').cache, say: console.error }));
  const folder = mkdtempSync(join(tmpdir(), 'visapi-cluster-'));
  const ports = await findFreePorts(3 * CLUSTER_SIZE);
  const members = Array.from({ length: CLUSTER_SIZE }, (_, index): BrokerPorts => {
    const [port = 0, routePort = 0, monitorPort = 0] = ports.slice(3 * index);
    return { port, routePort, monitorPort };
  });
  const cluster = createBrokerCluster({ ...options, binary, folder, members });
  const stop = async (): Promise<void> => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await cluster.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...cluster, stop };
}

interface ApiAnswer {
  readonly error?: object;
  readonly cluster?: { readonly leader?: string };
}

async function askCluster<Answer>(url: string, subject: string, hasAccounts: boolean): Promise<Answer> {
  const login = hasAccounts ? { user: 't0', pass: 'test' } : {};
  const connection = await connect({ servers: url.split(','), timeout: REQUEST_MS, reconnect: false, ...login });
  try {
    return (await connection.request(subject, undefined, { timeout: REQUEST_MS })).json();
  } finally {
    await connection.close();
  }
}
