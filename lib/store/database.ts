import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { DatabaseUnavailable } from './database-error.ts';
import type { StoreTables } from './tables.ts';

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** The program and its instance; shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections at most. (Default: 8: settling, claiming and loading, with room; each costs the server some 10 MB) */
  readonly maxConnections?: number;
  /** Do not insist on a durable commit. (Default: false) */
  readonly allowUnsafe?: boolean;
  /** Connections that broke while idle; they are replaced by themselves. (Default: ignored) */
  readonly onIdleError?: (error: Error) => void;
}

/** One process's access to PostgreSQL: a bounded pool, and Kysely over the same pool. */
export interface Database {
  readonly tables: Kysely<StoreTables>;
  readonly options: DatabaseOptions;
  /** One statement, a transaction of its own. With a `name` it is prepared once per connection. */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>;
  /** Waits for what is under way and closes every connection. May be called twice. */
  close(): Promise<void>;
}

export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** No statement of ours takes longer than this unless something is very wrong; a waiting actor had better hear about it. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Longer than the server's own limit, so that it only speaks up where the server cannot: frozen, or cut off. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;
/** A lock is held for one statement, by somebody who is alive; past this it is an error that is tried again. */
const LOCK_TIMEOUT_MS = 2_000;
/** Below the lease (3 s): a process that is frozen inside a transaction must not delay the take-over of its units. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Prepared statements keep the plan that was made when their tables were empty, where reading the whole table is cheapest,
 * until the next ANALYZE: with 50,000 effects a claim of 50 took 35 ms instead of 4. Every statement of ours has its index.
 */
const PLANNER = '-c enable_seqscan=off';

/** What every connection of the project is opened with. */
export function connectionConfig(options: DatabaseOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: PLANNER,
    keepAlive: true,
    types: { getTypeParser },
  };
}

/**
 * Opens the pool and checks that a commit survives a power cut. Rejects with `DatabaseUnavailable` where the database
 * cannot be reached, and with an `Error` that names the setting where commits are not durable.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const pool = new pg.Pool({ ...connectionConfig(options), max: options.maxConnections ?? 8 });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  const tables = new Kysely<StoreTables>({ dialect: new PostgresDialect({ pool }) });
  let closed: Promise<void> | undefined;
  const database: Database = {
    tables,
    options,
    query: (statement) => query(pool, statement),
    close: () => (closed ??= closePool(pool, tables)),
  };
  try {
    if (options.allowUnsafe !== true) await assertDurable(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** Kysely ends the pool only where it has been asked something itself. */
async function closePool(pool: pg.Pool, tables: Kysely<StoreTables>): Promise<void> {
  await tables.destroy();
  if (!pool.ending) await pool.end();
}

/** One statement over a pool or a client. What is not the server's answer is `DatabaseUnavailable`. */
export async function query<Row extends pg.QueryResultRow>(via: pg.Pool | pg.Client, statement: Statement): Promise<Row[]> {
  try {
    const { name, text, values = [] } = statement;
    const result = await via.query<Row>({ ...(name === undefined ? {} : { name }), text, values: [...values] });
    return result.rows;
  } catch (error) {
    throw error instanceof pg.DatabaseError ? error : new DatabaseUnavailable(error);
  }
}

async function assertDurable(database: Database): Promise<void> {
  const rows = await database.query<{ name: string; setting: string }>({
    text: `select name, setting from pg_settings where name in ('synchronous_commit', 'fsync', 'full_page_writes')`,
  });
  const wrong = rows.filter(({ name, setting }) => (name === 'synchronous_commit' ? !DURABLE_COMMITS.includes(setting) : setting !== 'on'));
  if (wrong.length === 0) return;
  const list = wrong.map(({ name, setting }) => `${name} is ${setting}`).join(', ');
  throw new Error(`PostgreSQL may lose what it has confirmed: ${list}; expected on`);
}

const DURABLE_COMMITS: readonly string[] = ['on', 'remote_apply'];

const INT8 = 20;

/** Sequences and epochs are `bigint` there and numbers here: they stay far below 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number;
  if (oid === INT8_ARRAY) return parseNumbers;
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
}

const INT8_ARRAY = 1016;

function parseNumbers(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number);
}
