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
import { createBroker, type Broker } from './broker.ts';
import { localHome } from './local-home.ts';
import { findFreePort } from './port.ts';
import { createPostgres, type Postgres } from './postgres.ts';
import { dropStreams, takeAccount } from './test-account.ts';
import { cloneDatabase, dropDatabase } from './test-database.ts';
import { startTestServers, type TestServers } from './test-servers.ts';

export interface TestBed {
  /** Carries user and password: `nats://t17:test@127.0.0.1:<port>`. */
  readonly natsUrl: string;
  readonly databaseUrl: string;
}

export interface TestBedOptions {
  /** False leaves the database unmigrated and empty. (Default: true) */
  readonly migrated?: boolean;
}

const cleanups: (() => Promise<void>)[] = [];
let own: Promise<TestServers> | undefined;

after(async () => {
  await Promise.allSettled(cleanups.map((cleanup) => cleanup()));
  await (await own)?.stop();
});

/** Gives one test an account of the broker and a database, both empty and nobody else's. */
export async function openTestBed(_t: TestContext, options: TestBedOptions = {}): Promise<TestBed> {
  const servers = await findServers();
  const natsUrl = await openTestAccount();
  const databaseUrl = await cloneDatabase(servers.databaseUrl, options.migrated ?? true);
  cleanups.push(() => dropDatabase(servers.databaseUrl, databaseUrl));
  return { natsUrl, databaseUrl };
}

/** The same without a database: gives one test an account of the broker. @returns its URL, with user and password */
export async function openTestAccount(): Promise<string> {
  const servers = await findServers();
  const natsUrl = await takeAccount(servers.natsUrl, servers.databaseUrl);
  cleanups.push(() => dropStreams(natsUrl));
  return natsUrl;
}

/** Gives one test a broker that it may kill, stop and freeze. It is started, and gone with its data after the test. */
export async function openOwnBroker(t: TestContext, options: { readonly syncAlways?: boolean } = {}): Promise<Broker> {
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
