import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What people look at, and what the workflow actor resumes from: events (a projection of the log), outcomes (what has a
 * story), workflows and their versions, runs, steps.
 */
export const projection: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table events (
        id text collate "C" primary key,
        stream text collate "C" not null,
        seq bigint not null,
        source text collate "C" not null,
        type text not null,
        key text collate "C" not null,
        priority text collate "C" not null,
        received_at timestamptz not null,
        size int not null,
        fate text collate "C" not null,
        recorded_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index events_key on events (md5(key), received_at desc, id desc)`.execute(db);
    await sql`create index events_received on events (received_at)`.execute(db);
    await sql`
      create table outcomes (
        message_id text collate "C" not null,
        actor text collate "C" not null,
        outcome text collate "C" not null,
        reason text not null,
        at timestamptz not null,
        primary key (message_id, actor, outcome)
      )`.execute(db);
    await sql`
      create table workflow_versions (
        name text collate "C" not null,
        version int not null,
        document jsonb not null,
        digest text collate "C" not null,
        created_at timestamptz not null default now(),
        primary key (name, version)
      )`.execute(db);
    await sql`
      create table workflows (
        name text collate "C" primary key,
        enabled_version int,
        foreign key (name, enabled_version) references workflow_versions (name, version)
      )`.execute(db);
    await sql`
      create table runs (
        id text collate "C" primary key,
        workflow text collate "C" not null,
        version int not null,
        event_id text collate "C" not null,
        event_stream text collate "C" not null,
        event_seq bigint not null,
        key text collate "C" not null,
        priority text collate "C" not null,
        status text collate "C" not null,
        started_at timestamptz not null,
        ended_at timestamptz,
        error jsonb
      ) with (fillfactor = 80)`.execute(db);
    await sql`create index runs_event on runs (event_id)`.execute(db);
    await sql`create index runs_started on runs (started_at, id)`.execute(db);
    await sql`
      create table steps (
        run text collate "C" not null,
        path text collate "C" not null,
        position int not null,
        type text collate "C" not null,
        status text collate "C" not null,
        command_id text collate "C",
        generation text collate "C" not null,
        version int not null,
        output jsonb,
        error jsonb,
        dead_letter_id text collate "C",
        started_at timestamptz not null,
        ended_at timestamptz,
        primary key (run, path)
      ) with (fillfactor = 80)`.execute(db);
    await sql`create index steps_command on steps (command_id) where command_id is not null`.execute(db);
  },
};
