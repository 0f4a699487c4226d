import { join } from 'node:path';
import { findBrokerBinary } from '../../lib/dev/broker-binary.ts';
import { createBrokerCluster } from '../../lib/dev/broker-cluster.ts';
import { createBroker } from '../../lib/dev/broker.ts';
import { type Part, partOf } from '../../lib/dev/keep-alive.ts';
import type { LocalHome } from '../../lib/dev/local-home.ts';
import type { PortName, ToolConfig } from './config.ts';
import { CommandError, exitCodes } from './output.ts';

/** The broker of `visapi dev`: one, three as a cluster, or what runs somewhere else. */
export interface LocalBroker {
  readonly url: string;
  /** Undefined where it is somewhere else: the person's environment says where its monitoring is. */
  readonly monitorUrl: string | undefined;
  /** Copies of every stream. */
  readonly replicas: number;
  readonly ports: readonly PortName[];
  /** The servers, with a binary that is found or fetched; nothing runs yet. */
  open(say: (line: string) => void): Promise<readonly Part[]>;
}

/** The ports of each broker: for clients, for people who watch it, for the others. */
const MEMBERS = [
  { name: 'nats', port: 'nats', monitor: 'natsMonitor', route: 'natsRoute' },
  { name: 'nats-2', port: 'nats2', monitor: 'natsMonitor2', route: 'natsRoute2' },
  { name: 'nats-3', port: 'nats3', monitor: 'natsMonitor3', route: 'natsRoute3' },
] as const;

/** @throws CommandError where a cluster is wanted beside a broker that is somewhere else */
export function describeBroker(config: ToolConfig, home: LocalHome, isCluster: boolean): LocalBroker {
  const { natsUrl } = config;
  if (natsUrl && isCluster)
    throw new CommandError('--cluster starts brokers of its own: expected no NATS_URL', { exitCode: exitCodes.wrongUsage });
  if (natsUrl) return { url: natsUrl, monitorUrl: undefined, replicas: config.replicas ?? 1, ports: [], open: () => Promise.resolve([]) };
  const members = isCluster ? MEMBERS : MEMBERS.slice(0, 1);
  const logOf = (name: string): string => join(home.logs, `${name}.log`);
  return {
    url: members.map(({ port }) => `nats://127.0.0.1:${config[port]}`).join(','),
    monitorUrl: members.map(({ monitor }) => `http://127.0.0.1:${config[monitor]}`).join(','),
    replicas: config.replicas ?? members.length,
    ports: members.flatMap(({ port, monitor, route }) => (isCluster ? [port, monitor, route] : [port, monitor])),
    async open(say) {
      const binary = await findBrokerBinary({ cache: home.cache, say });
      const own = members.map(({ name, port, monitor, route }) => ({
        port: config[port],
        monitorPort: config[monitor],
        routePort: config[route],
        logFile: logOf(name),
      }));
      const brokers = isCluster
        ? createBrokerCluster({ binary, folder: home.natsData, members: own }).brokers
        : own.map(({ port, monitorPort, logFile }) => createBroker({ binary, folder: home.natsData, port, monitorPort, logFile }));
      return brokers.map((broker, index) => partOf(members[index]?.name ?? '', broker));
    },
  };
}
