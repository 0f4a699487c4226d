import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** members: who shares units, so that everybody knows its share. A row is written again with every renewal of leases. */
export const members: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table members (
        name text collate "C" primary key,
        nonce text not null,
        actors text[] not null,
        joined_at timestamptz not null default clock_timestamp(),
        seen_at timestamptz not null default clock_timestamp(),
        seen_until timestamptz not null
      ) with (fillfactor = 50)`.execute(db);
  },
};
