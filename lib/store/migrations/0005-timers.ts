import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * timers: messages that are published when they are due; the broker's streams forget what is older than their limit.
 * kept_events: the events of runs that may go on when the log does not have them any more.
 */
export const timers: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table steps add column due_at timestamptz`.execute(db);
    await sql`
      create table timers (
        actor text collate "C" not null,
        partition int not null,
        id text collate "C" not null,
        due_at timestamptz not null,
        subject text not null,
        key text collate "C" not null,
        headers jsonb not null,
        body bytea not null,
        created_at timestamptz not null default now(),
        primary key (id, actor, partition)
      )`.execute(db);
    await sql`create index timers_due on timers (actor, partition, due_at)`.execute(db);
    await sql`
      create table kept_events (
        run text collate "C" primary key,
        event jsonb not null,
        body bytea not null,
        kept_at timestamptz not null default now()
      )`.execute(db);
  },
};
