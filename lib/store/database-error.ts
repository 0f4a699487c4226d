import pg from 'pg';

/** No answer from the database: not reachable, cut off, or too late. Whether a statement took effect is not known. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
  constructor(cause: unknown) {
    super(`PostgreSQL did not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/**
 * What is wrong with the content of a statement, and will be again. 21: two rows for one. 22: data that does not fit. 23: a
 * constraint. 44: a view's check. 54: too large for a row or an index.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const CONTENT_CLASSES = new Set(['21', '22', '23', '44', '54']);

/**
 * Whether the same statement may succeed later, with the database or the schema mended where it is not as it should be. Only what
 * is wrong with the content will fail again. A log-in that is refused, a table that is missing while a backup is restored, a
 * standby: none of them says anything about a message, and none may make a dead letter of it.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  return error instanceof pg.DatabaseError && !CONTENT_CLASSES.has(error.code?.slice(0, 2) ?? '');
}
