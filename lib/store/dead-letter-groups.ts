import { sql } from 'kysely';
import type { Database } from './database.ts';
import { type DeadLetterFilter, fittingFilter } from './dead-letters.ts';

/** Dead letters of one cause. */
export interface DeadLetterGroup {
  /** The same for one cause at any time and place; `--group` of the commands. */
  readonly fingerprint: string;
  readonly reason: string;
  /** What their reasons say, without ids, numbers and times. */
  readonly pattern: string;
  readonly count: number;
  /** When the first and the last of them died; RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly actors: readonly string[];
  /** The id of the last one, and what its reason says. */
  readonly example: string;
  readonly because: string;
}

/** The largest first. */
export async function groupDeadLetters(database: Database, filter: DeadLetterFilter, limit: number): Promise<DeadLetterGroup[]> {
  const { rows } = await sql<Omit<DeadLetterGroup, 'firstAt' | 'lastAt'> & { firstAt: Date; lastAt: Date }>`
    select fingerprint, reason, pattern, count(*) as count, min(at) as "firstAt", max(at) as "lastAt",
      array_agg(distinct actor) as actors,
      (array_agg(id order by at desc, id desc))[1] as example,
      (array_agg(because order by at desc, id desc))[1] as because
    from dead_letters where ${fittingFilter(filter)}
    group by fingerprint, reason, pattern
    order by count(*) desc, max(at) desc limit ${limit}`.execute(database.tables);
  return rows.map((row) => ({ ...row, firstAt: row.firstAt.toISOString(), lastAt: row.lastAt.toISOString() }));
}
