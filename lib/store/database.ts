import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { DatabaseUnavailable } from './database-error.ts';
import type { StoreTables } from './tables.ts';

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** The program and its instance; shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections at most, lines not counted. (Default: 6: loading and reading, with room; each costs the server some 10 MB) */
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
  /**
   * A connection for one kind of prepared statements that follow each other for as long as the process lives. It keeps their plans: in
   * the pool every connection plans every statement six times, which for a settling takes longer than running it. A second connection
   * is opened where a statement comes before the last one's answer. Closed with the database.
   */
  line(): Pick<Database, 'query'>;
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

/** What is planned with the values of one call is no better here, and is planned again five times before PostgreSQL sees it. */
const LINE_PLANNER = `${PLANNER} -c plan_cache_mode=force_generic_plan`;
const LINE_CONNECTIONS = 2;

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
  const pool = openPool(options, { max: options.maxConnections ?? 6 });
  const lines: pg.Pool[] = [];
  const tables = new Kysely<StoreTables>({ dialect: new PostgresDialect({ pool }) });
  let closed: Promise<void> | undefined;
  const database: Database = {
    tables,
    options,
    query: (statement) => query(pool, statement),
    line() {
      const line = openPool(options, { max: LINE_CONNECTIONS, options: LINE_PLANNER });
      lines.push(line);
      return { query: (statement) => query(line, statement) };
    },
    close: () => (closed ??= closeAll(pool, lines, tables)),
  };
  try {
    if (options.allowUnsafe !== true) await assertDurable(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

function openPool(options: DatabaseOptions, more: pg.PoolConfig): pg.Pool {
  // A connection that is closed because it was idle takes its plans with it, and the next burst begins by planning.
  const pool = new pg.Pool({ ...connectionConfig(options), idleTimeoutMillis: 0, ...more });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
}

/** Kysely ends the pool only where it has been asked something itself. */
async function closeAll(pool: pg.Pool, lines: readonly pg.Pool[], tables: Kysely<StoreTables>): Promise<void> {
  await tables.destroy();
  await Promise.all([...lines, ...(pool.ending ? [] : [pool])].map((each) => each.end()));
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
