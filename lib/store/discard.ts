import { sql } from 'kysely';
import { cleanText, toJson } from './clean-text.ts';
import type { Database } from './database.ts';

/**
 * Puts open dead letters aside, with the reason that a person gives; each has its row in the audit log, in the same transaction.
 * Resolves with those that it discarded: the others are not open any more.
 */
export async function discardDeadLetters(
  database: Database,
  ids: readonly string[],
  { because, who }: { readonly because: string; readonly who: string },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with discarded as (
      update dead_letters set status = 'discarded', status_at = now(), status_because = ${cleanText(because)}
      where id = any(${ids}) and status = 'open'
      returning id
    ),
    written as (
      insert into audit_log (who, action, target, detail)
      select ${cleanText(who)}, 'dead-letter.discard', id, ${toJson({ because })}::jsonb from discarded
    )
    select id from discarded order by id`.execute(database.tables);
  return rows.map(({ id }) => id);
}
