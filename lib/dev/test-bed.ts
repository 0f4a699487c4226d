/**
 * What a test with a real broker and a real database stands on.
 *
 *   const bed = await openTestBed(t);
 *   // bed.natsUrl: an account of its own, so that every test may call its streams EVENTS
 *   // bed.databaseUrl: a database of its own, migrated
 *
 * `npm test` starts the servers once for all files; a file that is run alone (`node --test x.int.test.ts`) starts its own.
 * Accounts and databases are emptied when the file ends, not when the test does: node runs a test's hooks in the order in
 * which they were added, so a test's own connections would be cut under it.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { findBrokerBinary } from './broker-binary.ts';
import { asOneBroker, type BrokerCluster, startBrokerCluster } from './broker-cluster.ts';
import { createBroker, type Broker } from './broker.ts';
import { localHome } from './local-home.ts';
import { findFreePort } from './port.ts';
import { createPostgres, type Postgres } from './postgres.ts';
import { testBrokers } from './test-brokers.ts';
import { dropStreams, takeAccount } from './test-account.ts';
import { cloneDatabase, dropDatabase, emptyDatabase } from './test-database.ts';
import { startTestServers, type TestServers } from './test-servers.ts';

export interface TestBed {
  /** Carries user and password: `nats://t17:test@127.0.0.1:<port>`. */
  readonly natsUrl: string;
  readonly databaseUrl: string;
}

export interface TestBedOptions {
  /** False gives an empty database without tables, also to a test that changes the tables. (Default: true) */
  readonly migrated?: boolean;
}

const cleanups: (() => Promise<void>)[] = [];
/** Databases of tests that have ended, as they left them. */
const used: string[] = [];
let own: Promise<TestServers> | undefined;

after(async () => {
  await Promise.allSettled(cleanups.map((cleanup) => cleanup()));
  await (await own)?.stop();
});

/** Gives one test an account of the broker and a database, both empty and nobody else's. */
export async function openTestBed(t: TestContext, options: TestBedOptions = {}): Promise<TestBed> {
  const servers = await findServers();
  const natsUrl = await openTestAccount();
  return { natsUrl, databaseUrl: await takeDatabase(t, servers.databaseUrl, options.migrated ?? true) };
}

/** The same without a database: gives one test an account of the broker. @returns its URL, with user and password */
export async function openTestAccount(): Promise<string> {
  const servers = await findServers();
  const natsUrl = await takeAccount(servers.natsUrl, servers.databaseUrl);
  cleanups.push(() => dropStreams(natsUrl));
  return natsUrl;
}

/**
 * Gives one test a broker that it may kill, stop and freeze. It is started, and gone with its data after the test. Where the tests run on
 * three brokers it stands for all of them.
 */
export async function openOwnBroker(t: TestContext, options: { readonly syncAlways?: boolean } = {}): Promise<Broker> {
  if (testBrokers === 3) {
    const cluster = await startBrokerCluster(options);
    t.after(() => cluster.stop());
    return asOneBroker(cluster);
  }
  const binary = process.env['VISAPI_NATS_SERVER'] ?? (await findBrokerBinary({ cache: localHome('.visapi').cache, say: console.error }));
  const folder = mkdtempSync(join(tmpdir(), 'visapi-broker-'));
  const broker = createBroker({ binary, folder, port: await findFreePort(), ...options });
  t.after(async () => {
    broker.thaw();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await broker.start();
  return broker;
}

/** The same with three of them: a cluster. Takes some 5 s until it has its first leader. */
export async function openOwnCluster(t: TestContext): Promise<BrokerCluster> {
  const cluster = await startBrokerCluster();
  t.after(() => cluster.stop());
  return cluster;
}

/** What an ended test has used is emptied and used again: a new one costs ten times as much, and its first statements too. */
async function takeDatabase(t: TestContext, serverUrl: string, migrated: boolean): Promise<string> {
  const again = migrated ? used.pop() : undefined;
  if (again !== undefined) await emptyDatabase(again);
  const url = again ?? (await cloneDatabase(serverUrl, migrated));
  if (again === undefined) cleanups.push(() => dropDatabase(serverUrl, url));
  // Emptied when it is taken, not here: the test's own connections are still there.
  if (migrated) t.after(() => void used.push(url));
  return url;
}

async function findServers(): Promise<Pick<TestServers, 'natsUrl' | 'databaseUrl'>> {
  const natsUrl = process.env['VISAPI_TEST_NATS_URL'];
  const databaseUrl = process.env['VISAPI_TEST_DATABASE_URL'];
  if (natsUrl && databaseUrl) return { natsUrl, databaseUrl };
  own ??= startTestServers(console.error);
  return own;
}

/** Gives one test a durable PostgreSQL that it may kill and stop; migrated, gone with its data after the test. Takes some 3 s. */
export async function openOwnDatabase(t: TestContext): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-postgres-'));
  const postgres = createPostgres({ folder: join(folder, 'data'), port: await findFreePort(), logFile: join(folder, 'postgres.log') });
  t.after(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await postgres.start();
  // Loaded here: most tests that stand on this module migrate nothing, and it takes longer to load than they take to run.
  const { migrate } = await import('../store/migrate.ts');
  await migrate(postgres.url);
  return postgres;
}
