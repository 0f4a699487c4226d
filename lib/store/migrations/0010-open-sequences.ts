import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * lanes, replay_lanes: what is delivered and open, instead of what is settled above the floor. That is never more than a process has in
 * hand; behind a message that takes an hour any number may be settled.
 */
export const openSequences: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['lanes', 'replay_lanes'] as const) {
      const name = sql.table(table);
      await sql`alter table ${name} add column highest bigint, add column open bigint[] not null default '{}'`.execute(db);
      // Sequences of other lanes among them are never delivered, and passed with the next delivery above them.
      await sql`
        update ${name} set highest = exceptions[cardinality(exceptions)], open = array(
          select seq from generate_series(floor + 1, exceptions[cardinality(exceptions)]) as seq
          where seq <> all(exceptions) order by seq
        ) where exceptions <> '{}'`.execute(db);
      await sql`update ${name} set highest = floor where highest is null`.execute(db);
      await sql`alter table ${name} drop column exceptions`.execute(db);
    }
    await sql`alter table lanes alter column highest set not null, alter column open drop default`.execute(db);
    await sql`comment on column replay_lanes.highest is 'null: nothing was delivered, as the floor says'`.execute(db);
  },
};
