import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * replays: one row for each, with what was asked and its rate's bucket of tokens. replay_lanes: how far each of its parts is,
 * written by the units' owners in the transaction that settles what was replayed.
 *
 * A message that is replayed may have to wait while the same message waits already: parked rows are told apart by their replay.
 */
export const replays: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table replays (
        id text collate "C" primary key,
        actor text collate "C" not null,
        kind text collate "C" not null check (kind in ('in-place', 'slice')),
        status text collate "C" not null default 'running' check (status in ('running', 'paused', 'done', 'aborted')),
        who text not null,
        stream text collate "C" not null,
        asked jsonb not null,
        repeat_actors text[] not null default '{}',
        divert_to text[] not null default '{}',
        rate float8,
        tokens float8 not null default 0,
        filled_at timestamptz not null default clock_timestamp(),
        total bigint,
        created_at timestamptz not null default clock_timestamp(),
        status_at timestamptz not null default clock_timestamp()
      ) with (fillfactor = 50)`.execute(db);
    await sql`create index replays_open on replays (actor) where status in ('running', 'paused')`.execute(db);
    await sql`create index replays_created on replays (created_at desc, id desc)`.execute(db);
    await sql`
      create table replay_lanes (
        replay text collate "C" not null references replays,
        actor text collate "C" not null,
        partition int not null,
        stream text collate "C" not null,
        priority text collate "C" not null,
        filters text[] not null,
        key text collate "C",
        types text[] not null,
        from_seq bigint not null,
        until_seq bigint,
        floor bigint not null,
        exceptions bigint[] not null default '{}',
        handled bigint not null default 0,
        skipped bigint not null default 0,
        ended_at timestamptz,
        primary key (replay, actor, partition, stream, priority)
      ) with (fillfactor = 50)`.execute(db);
    await sql`comment on column replay_lanes.until_seq is 'null: as far as the lane is when its owner begins'`.execute(db);
    await sql`alter table parked add column replay text collate "C" not null default ''`.execute(db);
    await sql`alter table parked drop constraint parked_pkey`.execute(db);
    await sql`alter table parked add primary key (actor, partition, stream, seq, replay)`.execute(db);
    await sql`create index parked_replay on parked (replay) where replay <> ''`.execute(db);
    await sql`alter table lanes add column consumer_created text`.execute(db);
    await sql`alter table runs add column replay jsonb`.execute(db);
    await sql`comment on column runs.replay is 'the replay that it repeats steps for, and what the other steps had given'`.execute(db);
  },
};
