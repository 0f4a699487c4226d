import { AppError } from '../../lib/core/app-error.ts';

/** What the system says where nothing answers at an address. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
/** PostgreSQL lets nobody in: the log-in (28), no such database (3D), it starts or stops (57P). postgresql.org/docs/current/errcodes-appendix.html */
const NO_ENTRY = /^(?:28|3D|57P)/;

/** An error that says that the database cannot be used at all gets its code, and says which database, and what names it. Others stay. */
export function toDatabaseError(error: unknown, url: string): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const isAway = error.name === 'DatabaseUnavailable' || UNREACHABLE.has(code) || NO_ENTRY.test(code);
  if (!isAway) return error;
  return new AppError('database_unavailable', `expected the database ${placeOf(url)} (DATABASE_URL) to answer`, { cause: error });
}

/** User, host and name; never the password. */
function placeOf(url: string): string {
  try {
    const { username, host, pathname } = new URL(url);
    return `${username === '' ? '' : `${username}@`}${host}${pathname}`;
  } catch {
    return 'of an address that is none';
  }
}
