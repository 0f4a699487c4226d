import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Why a step was skipped. Those that were skipped before have no reason. */
export const stepReason: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table steps add column reason text`.execute(db);
  },
};
