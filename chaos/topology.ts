import { join } from 'node:path';
import { type Broker, createBroker } from '../lib/dev/broker.ts';
import { type BrokerCluster, CLUSTER_SIZE, createBrokerCluster } from '../lib/dev/broker-cluster.ts';
import type { NetworkPlace } from '../lib/dev/broker-network.ts';
import { findFreePort } from '../lib/dev/port.ts';

/** One broker and one process of each program, or three and two. */
export type Topology = 'single' | 'cluster';

/** How often each program runs. */
export const PROCESSES: Readonly<Record<Topology, number>> = { single: 1, cluster: 2 };

export interface ChaosBrokers {
  /** Of all, with commas between them. */
  readonly url: string;
  readonly replicas: number;
  readonly brokers: readonly Broker[];
  /** Resolves when streams can be made. */
  whenReady(): Promise<void>;
  /** The one that leads a stream; waits for an election. */
  leaderOf(stream: string): Promise<Broker>;
}

export interface BrokerPlaces {
  readonly binary: string;
  /** Of the first one's data; that of the others is beside the logs. */
  readonly folder: string;
  /** For logs. */
  readonly logs: string;
  /** Where those of a cluster run. (Default: on the loopback) */
  readonly places?: readonly NetworkPlace[];
}

/** Describes them; nothing runs before their `start`. */
export async function describeBrokers(topology: Topology, { binary, folder, logs, places = [] }: BrokerPlaces): Promise<ChaosBrokers> {
  if (topology === 'single') {
    const broker = createBroker({ binary, folder, port: await findFreePort(), logFile: join(logs, 'broker.log') });
    return { url: broker.url, replicas: 1, brokers: [broker], whenReady: () => Promise.resolve(), leaderOf: () => Promise.resolve(broker) };
  }
  const members = [];
  for (let count = 1; count <= CLUSTER_SIZE; count += 1) {
    const place = places[count - 1];
    members.push({
      port: await findFreePort(),
      routePort: await findFreePort(),
      monitorPort: await findFreePort(),
      logFile: join(logs, `broker-${count}.log`),
      folder: count === 1 ? folder : join(logs, `broker-${count}`),
      ...(place === undefined ? {} : { place }),
    });
  }
  const cluster: BrokerCluster = createBrokerCluster({ binary, folder, members });
  return {
    url: cluster.url,
    replicas: CLUSTER_SIZE,
    brokers: cluster.brokers,
    // All of them run by then: it waits for their majority.
    whenReady: () => cluster.start(),
    leaderOf: (stream) => cluster.leaderOf(stream),
  };
}
