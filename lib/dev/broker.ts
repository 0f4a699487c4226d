import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import type { NetworkPlace } from './broker-network.ts';
import { freezeChild, spawnServer, stopChild, waitForExit } from './child-process.ts';
import { poll } from './poll.ts';

export interface BrokerOptions {
  readonly binary: string;
  /** Holds the configuration and the streams. */
  readonly folder: string;
  readonly port: number;
  /** None when left out. */
  readonly monitorPort?: number;
  /** The server's own log. (Default: `nats.log` in the folder) */
  readonly logFile?: string;
  /** Largest message. (Default: 8 MiB, the most the server advises; what a program takes is its own limit) */
  readonly maxPayloadBytes?: number;
  /** Accounts `t0` to `t<n-1>`, password `test`, each with a JetStream of its own. (Default: 0, no log-in at all) */
  readonly accounts?: number;
  /** Fsync before each confirmation. (Default: true; false only for a test of the start-up check) */
  readonly syncAlways?: boolean;
  /** One of several brokers; it counts as started when it answers, with or without a majority. (Default: it is alone) */
  readonly cluster?: BrokerRoutes;
  /** Where it runs. (Default: on the loopback of this machine) */
  readonly place?: NetworkPlace;
}

/** How the brokers of a cluster find each other. */
export interface BrokerRoutes {
  /** Where this one listens for the others. */
  readonly port: number;
  /** Where all of them do, this one too: `host:port`. */
  readonly all: readonly string[];
}

/** A nats-server of ours on the loopback. */
export interface Broker {
  readonly url: string;
  /** What it is called among others: as the leader of a stream in the broker's own answers. */
  readonly serverName: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  /** Starts it, or starts it again on the same port and data. @throws Error when it is not ready in time */
  start(): Promise<void>;
  /** Stops it in order; kills it after 5 s. May be called twice. */
  stop(): Promise<void>;
  /** Resolves when the running server is gone, for whatever reason. */
  whenDown(): Promise<void>;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Freezes it, as a paused machine would; returns when it stands still. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
}

const maxPayloadBytes = 8 * 1024 * 1024;
/** A start with a few gigabytes of streams to check takes seconds. */
const readyDeadlineMs = 30_000;
const stopDeadlineMs = 5_000;

/** Describes a broker; nothing runs before `start`. */
export function createBroker(options: BrokerOptions): Broker {
  const config = join(options.folder, 'nats.conf');
  const logFile = options.logFile ?? join(options.folder, 'nats.log');
  let child: ChildProcess | undefined;

  return {
    url: `nats://${hostOf(options)}:${options.port}`,
    serverName: serverName(options),
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async start() {
      await mkdir(options.folder, { recursive: true });
      await writeFile(config, brokerConfig(options));
      const log = openSync(logFile, 'a');
      const [command, ...args] = [...(options.place?.enter ?? []), options.binary, '-c', config];
      const started = spawnServer({ command, args, stdio: ['ignore', log, log] });
      child = started;
      closeSync(log);
      try {
        await poll(() => isReady(started, options), {
          deadlineMs: readyDeadlineMs,
          what: `nats-server on port ${options.port} (see ${logFile})`,
        });
      } catch (error) {
        await stopChild(started, 'SIGKILL', 0);
        throw error;
      }
    },
    async stop() {
      if (child) await stopChild(child, 'SIGTERM', stopDeadlineMs);
    },
    whenDown: () => (child ? waitForExit(child) : Promise.resolve()),
    async kill() {
      if (!child) return;
      child.kill('SIGKILL');
      await waitForExit(child);
    },
    freeze: () => child && freezeChild(child),
    thaw: () => void child?.kill('SIGCONT'),
  };
}

async function isReady(child: ChildProcess, options: BrokerOptions): Promise<true | undefined> {
  if (child.exitCode !== null) return Promise.reject(new Error(`nats-server ended with code ${child.exitCode}`));
  const login = options.accounts ? { user: 't0', pass: 'test' } : {};
  const connection = await connect({ servers: `${hostOf(options)}:${options.port}`, reconnect: false, timeout: 1_000, ...login });
  try {
    // In a cluster the majority answers for all, and a single one that is started again may have none.
    if (options.cluster === undefined) await connection.request('$JS.API.INFO', undefined, { timeout: 1_000 });
    return true;
  } finally {
    await connection.close();
  }
}

function serverName({ port }: BrokerOptions): string {
  return `visapi-${port}`;
}

/** Of a broker's clients and of the other brokers. */
export function hostOf({ place }: Pick<BrokerOptions, 'place'>): string {
  return place?.host ?? '127.0.0.1';
}

function brokerConfig(options: BrokerOptions): string {
  const lines = [
    `host: ${hostOf(options)}`,
    `port: ${options.port}`,
    `server_name: ${serverName(options)}`,
    `max_payload: ${options.maxPayloadBytes ?? maxPayloadBytes}`,
    // A client that vanished is noticed in 20 s instead of 4 min; in a cluster in 4 s.
    `ping_interval: "${options.cluster === undefined ? '10s' : '2s'}"`,
    'ping_max: 2',
    `jetstream { store_dir: ${JSON.stringify(join(options.folder, 'store'))}${options.syncAlways === false ? '' : ', sync_interval: always'} }`,
  ];
  if (options.monitorPort) lines.push(`http: "${hostOf(options)}:${options.monitorPort}"`);
  if (options.cluster) lines.push(routesConfig(options.cluster, hostOf(options)));
  if (options.accounts) {
    const accounts = Array.from(
      { length: options.accounts },
      (_, n) => `  T${n} { jetstream: enabled, users: [{ user: t${n}, password: test }] }`,
    );
    lines.push('accounts {', ...accounts, '}');
  }
  return `${lines.join('\n')}\n`;
}

/** By the server's own pings (30 s, twice) writes would stand still for as long as a frozen leader does. */
function routesConfig({ port, all }: BrokerRoutes, host: string): string {
  const routes = all.map((each) => `"nats-route://${each}"`).join(', ');
  return `cluster { name: visapi, listen: "${host}:${port}", no_advertise: true, routes: [${routes}], ping_interval: "1s", ping_max: 2 }`;
}
