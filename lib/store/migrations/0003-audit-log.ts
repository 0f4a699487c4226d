import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Who did what by hand. The database itself refuses to change or delete a row. Versions of workflows are as immutable. */
export const auditLog: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table audit_log (
        id bigserial primary key,
        at timestamptz not null default now(),
        who text not null,
        action text collate "C" not null,
        target text collate "C" not null,
        detail jsonb
      )`.execute(db);
    await sql`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append only', tg_table_name using errcode = 'insufficient_privilege';
      end $$`.execute(db);
    for (const table of ['audit_log', 'workflow_versions']) {
      await sql`
        create trigger append_only before update or delete or truncate on ${sql.table(table)}
        for each statement execute function refuse_change()`.execute(db);
    }
  },
};
