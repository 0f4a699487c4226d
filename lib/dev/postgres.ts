import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { spawnServer, stopChild, waitForExit } from './child-process.ts';
import { poll } from './poll.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binary.ts';
import { chooseDatabaseUser } from './postgres-user.ts';

export interface PostgresOptions {
  /** Holds the database; created by `start` when it is empty. */
  readonly folder: string;
  readonly port: number;
  readonly logFile: string;
  /** False makes tests faster and a power cut fatal. (Default: true) */
  readonly durable?: boolean;
  /** The owner's; from the first start on nobody gets in without a password. (Default: anybody on this machine gets in with any) */
  readonly password?: string;
}

/** A PostgreSQL of ours on the loopback, with the database `visapi` and its owner of the same name. */
export interface Postgres {
  readonly url: string;
  readonly pid: number | undefined;
  /** Creates the database where there is none, ends a leftover server on the same folder, and starts. */
  start(): Promise<void>;
  /** Stops it (open connections are cut); kills it after 10 s. May be called twice. */
  stop(): Promise<void>;
  /** Resolves when the running server is gone, for whatever reason. */
  whenDown(): Promise<void>;
  kill(): Promise<void>;
}

/** Recovery after a crash replays at most one checkpoint's worth of log. */
const readyDeadlineMs = 60_000;
const stopDeadlineMs = 10_000;

/** Describes a database server; nothing runs before `start`. */
export function createPostgres(options: PostgresOptions): Postgres {
  const url = addressOf(options, 'visapi');
  let child: ChildProcess | undefined;

  return {
    url,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async start() {
      const binaries = await findPostgresBinaries();
      if (!existsSync(join(options.folder, 'PG_VERSION'))) await createCluster(options, binaries);
      else await endLeftover(options.folder);
      child = await startServer(options, binaries);
      await prepareServer(options);
    },
    async stop() {
      // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for clients to leave.
      if (child) await stopChild(child, 'SIGINT', stopDeadlineMs);
    },
    whenDown: () => (child ? waitForExit(child) : Promise.resolve()),
    async kill() {
      if (!child) return;
      child.kill('SIGKILL');
      await waitForExit(child);
    },
  };
}

async function createCluster({ folder, logFile }: PostgresOptions, binaries: PostgresBinaries): Promise<void> {
  // A folder without PG_VERSION is what a first start that was cut short has left.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const runAs = await chooseDatabaseUser([folder, binaries.initdb]);
  if (runAs) await chown(folder, runAs.uid, runAs.gid);
  await chmod(folder, 0o700);
  const log = openSync(logFile, 'a');
  const args = ['-D', folder, '-U', 'visapi', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const initdb = spawnServer({ command: binaries.initdb, args, cwd: folder, stdio: ['ignore', log, log], runAs });
  closeSync(log);
  await waitForExit(initdb);
  if (initdb.exitCode !== 0) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`initdb ended with ${initdb.exitCode ?? initdb.signalCode} (see ${logFile})`);
  }
}

async function startServer(options: PostgresOptions, binaries: PostgresBinaries): Promise<ChildProcess> {
  const { folder, port, logFile } = options;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    ...(options.durable === false ? fast : {}),
  };
  const args = ['-D', folder, '-p', `${port}`, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const runAs = await chooseDatabaseUser([folder, binaries.postgres]);
  const log = openSync(logFile, 'a');
  const stdio = ['ignore', log, log] as const;
  const child = spawnServer({ command: binaries.postgres, args, cwd: dirname(folder), stdio: [...stdio], runAs, signalOnOurDeath: 'INT' });
  closeSync(log);
  try {
    await poll(() => isReady(child, addressOf(options, 'postgres')), {
      deadlineMs: readyDeadlineMs,
      what: `PostgreSQL on port ${port} (see ${logFile})`,
    });
  } catch (error) {
    await stopChild(child, 'SIGKILL', 0);
    throw error;
  }
  return child;
}

/**
 * Nothing is flushed: a crash of the server alone still loses nothing, a crash of the machine loses the test. And no process
 * but the connections' own: what looks after a large database has nothing to do in one that lives for a test.
 */
const fast = {
  fsync: 'off',
  full_page_writes: 'off',
  max_wal_size: '256MB',
  io_method: 'sync',
  jit: 'off',
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  shared_buffers: '32MB',
};

function addressOf({ port, password = 'visapi' }: PostgresOptions, database: string): string {
  return `postgres://visapi:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

async function isReady(child: ChildProcess, connectionString: string): Promise<true | undefined> {
  if (child.exitCode !== null) throw new Error(`postgres ended with code ${child.exitCode}`);
  const client = new Client({ connectionString, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
  } catch (error) {
    if (!isWrongPassword(error)) throw error;
  }
  return true;
}

/** `invalid_password`. It answers all the same. https://www.postgresql.org/docs/current/errcodes-appendix.html */
function isWrongPassword(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '28P01';
}

/** Makes the database where there is none, and lets nobody in without a password where there is one. */
async function prepareServer(options: PostgresOptions): Promise<void> {
  const client = new Client({ connectionString: addressOf(options, 'postgres') });
  try {
    await client.connect();
  } catch (error) {
    if (!isWrongPassword(error)) throw error;
    throw new Error(`the database in ${options.folder} has another password; bring it back, or delete the folder with all that it has`, {
      cause: error,
    });
  }
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'visapi'`);
    if (!rowCount) await client.query('create database visapi');
    if (options.password !== undefined) await demandPasswords(client, options.folder, options.password);
  } finally {
    await client.end();
  }
}

/** Also a cluster of an older version, which let everybody in. */
const onlyByPassword = 'host all all 127.0.0.1/32 scram-sha-256\n';

async function demandPasswords(client: Client, folder: string, password: string): Promise<void> {
  const path = join(folder, 'pg_hba.conf');
  if ((await readFile(path, 'utf8')) === onlyByPassword) return;
  await client.query(`alter role visapi password ${client.escapeLiteral(password)}`);
  // In place: the file stays the server's own.
  await writeFile(path, onlyByPassword);
  await client.query('select pg_reload_conf()');
}

/** A server that outlived a killed parent keeps the folder locked: it is ended when it is ours, its stale lock is removed otherwise. */
async function endLeftover(folder: string): Promise<void> {
  const lock = join(folder, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const pid = Number((await readFile(lock, 'utf8')).split('\n')[0]);
  const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(folder);
  if (await isOurs()) {
    process.kill(pid, 'SIGINT');
    const gone = async () => ((await isOurs()) ? undefined : true);
    await poll(gone, { deadlineMs: stopDeadlineMs, what: `the leftover PostgreSQL ${pid} to stop` }).catch(() =>
      process.kill(pid, 'SIGKILL'),
    );
    await poll(gone, { deadlineMs: stopDeadlineMs, what: `the leftover PostgreSQL ${pid} to die` });
  }
  await rm(lock, { force: true });
}
