import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { brokerVersion, findBrokerBinary } from '../lib/dev/broker-binary.ts';
import { type Broker, createBroker } from '../lib/dev/broker.ts';
import { localHome } from '../lib/dev/local-home.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createPostgres, type Postgres } from '../lib/dev/postgres.ts';
import { type BrokerConnection, connectBroker } from '../lib/jetstream/connection.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { migrate } from '../lib/store/migrate.ts';
import { logStreams } from '../streams/log-streams.ts';

/** A broker and a database of a bench's own, both as durable as an installation's, in a folder on the project's disk. */
export interface LogBed {
  readonly folder: string;
  readonly broker: Broker;
  readonly brokerVersion: string;
  readonly monitorUrl: string;
  readonly postgres: Postgres;
  readonly connection: BrokerConnection;
  readonly database: Database;
  /** One line: what is on the disk before anything is confirmed, as both say themselves. */
  readonly durability: string;
  stop(): Promise<void>;
}

/** Far more than a bench writes; the streams are never full. */
const LOG_BYTES = 6 * 1024 ** 3;

export async function openLogBed(say: (line: string) => void): Promise<LogBed> {
  const home = localHome('.visapi');
  mkdirSync(home.root, { recursive: true });
  // Not in the system's folder for temporary files: that may be memory, where a sync costs nothing.
  const folder = mkdtempSync(join(home.root, 'bench-'));
  const binary = await findBrokerBinary({ cache: home.cache, say });
  const monitorPort = await findFreePort();
  const broker = createBroker({ binary, folder: join(folder, 'nats'), port: await findFreePort(), monitorPort });
  const postgres = createPostgres({
    folder: join(folder, 'postgres'),
    port: await findFreePort(),
    logFile: join(folder, 'postgres.log'),
  });
  const opened: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true }), () => postgres.stop(), () => broker.stop()];
  const stop = async (): Promise<void> => {
    for (const end of opened.splice(0).toReversed()) await end();
  };
  try {
    await Promise.all([broker.start(), postgres.start()]);
    await migrate(postgres.url);
    const connection = await connectBroker({ url: broker.url, name: 'bench' });
    opened.push(() => connection.close());
    const database = await openDatabase({ url: postgres.url, applicationName: 'bench' });
    opened.push(() => database.close());
    await applyStreams(connection, logStreams({ totalBytes: LOG_BYTES }));
    const monitorUrl = `http://127.0.0.1:${monitorPort}`;
    return {
      folder,
      broker,
      brokerVersion: await brokerVersion(binary),
      monitorUrl,
      postgres,
      connection,
      database,
      durability: `broker: ${await brokerDurability(monitorUrl)}; database: ${await databaseDurability(database)}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function brokerDurability(monitorUrl: string): Promise<string> {
  const answer = (await (await fetch(`${monitorUrl}/varz`)).json()) as { jetstream?: { config?: { sync_always?: boolean } } };
  const isAlways = answer.jetstream?.config?.sync_always === true;
  return isAlways ? 'sync_interval always, every stored message before its confirmation' : 'lazy: UNSAFE';
}

async function databaseDurability(database: Database): Promise<string> {
  const settings = await database.query<{ name: string; setting: string }>({
    text: `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`,
  });
  const isDurable = settings.every(({ setting }) => setting === 'on');
  return `${settings.map(({ name, setting }) => `${name} ${setting}`).join(', ')}${isDurable ? '' : ': UNSAFE'}`;
}
