import { sql } from 'kysely';
import { writeAudit } from './audit-log.ts';
import { cleanText } from './clean-text.ts';
import type { Database } from './database.ts';

/** An effect of which nobody knows whether it happened, and whose rule is that a person or a receipt decides. */
export interface HeldEffect {
  readonly id: string;
  readonly actor: string;
  readonly messageId: string;
  readonly name: string;
  readonly key: string;
  /** Times that it was done again already. */
  readonly repeats: number;
  readonly stream: string;
  readonly seq: number;
  readonly claimedAt: string;
}

/** Oldest first, paged by key: `after` is the id of the last one of the page before. */
export async function listHeld(
  database: Database,
  filter: { actor?: string | undefined; after?: string | undefined },
  limit: number,
): Promise<HeldEffect[]> {
  let query = database.tables
    .selectFrom('effects')
    .selectAll()
    .where('state', '=', 'held')
    .orderBy('claimed_at')
    .orderBy('id')
    .limit(limit);
  if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor);
  const { after } = filter;
  if (after !== undefined)
    query = query.where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('claimed_at', 'id'),
        '>',
        selectFrom('effects').select(['claimed_at', 'id']).where('id', '=', after).$asTuple('claimed_at', 'id'),
      ),
    );
  return (await query.execute()).map((row) => ({
    id: row.id,
    actor: row.actor,
    messageId: row.message_id,
    name: row.name,
    key: row.key,
    repeats: row.repeats,
    stream: row.stream,
    seq: row.seq,
    claimedAt: row.claimed_at.toISOString(),
  }));
}

/**
 * - `resolved`: decided, and its message runs again: as done it goes on behind the effect, to be repeated it does it again
 * - `not-held`: in another state, told with it (somebody else decided, or a receipt came)
 * - `unknown`: there is no such effect
 */
export type Resolution =
  | { readonly kind: 'resolved' }
  | { readonly kind: 'not-held'; readonly state: string }
  | { readonly kind: 'unknown' };

/**
 * A person's decision on a held effect, in one transaction with the row that brings its message back and the audit row. Done: it
 * did happen. Repeat: it did not, or may happen twice; it is done again with the same idempotency key.
 */
export async function resolveHeld(database: Database, decision: { id: string; as: 'done' | 'repeat'; who: string }): Promise<Resolution> {
  const { id, as, who } = decision;
  return await database.tables.transaction().execute(async (tables) => {
    const state = as === 'done' ? 'done' : 'failed';
    const changed = await sql<object>`
      update effects set state = ${state}, ended_at = now() where id = ${id} and state = 'held' returning 1`.execute(tables);
    if (changed.rows.length === 0) {
      const effect = await tables.selectFrom('effects').select('state').where('id', '=', id).executeTakeFirst();
      return effect === undefined ? { kind: 'unknown' } : { kind: 'not-held', state: effect.state };
    }
    // Where the message still waits for another reason its row is there already.
    await sql`
      insert into parked (actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, adopted)
      select actor, partition, stream, seq, priority, key, message_id, 0, now(), ${cleanText(`resolved as ${as} by ${who}`)}, false
      from effects where id = ${id}
      on conflict do nothing`.execute(tables);
    await writeAudit(tables, { who, action: `effect.resolve-${as}`, target: id, detail: null });
    return { kind: 'resolved' };
  });
}
