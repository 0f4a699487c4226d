import pg from 'pg';

/** No answer from the database: not reachable, cut off, or too late. Whether a statement took effect is not known. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
  constructor(cause: unknown) {
    super(`PostgreSQL did not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const TRANSIENT_CODES = new Set([
  '25006', // read_only_sql_transaction: a fail-over is under way
  '25P03', // idle_in_transaction_session_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
]);

/** 08: connection exceptions. 53: out of connections, memory or disk. 58: an I/O error below the server. */
const TRANSIENT_CLASSES = new Set(['08', '53', '58']);

/**
 * Whether the same statement may succeed later without anybody changing it. The others (22: data that does not fit,
 * 23: a constraint, 42: the schema) will fail again.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return false;
  return TRANSIENT_CODES.has(error.code) || TRANSIENT_CLASSES.has(error.code.slice(0, 2));
}
