import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * The lanes' record. Keys and names are compared byte by byte (`collate "C"`), never by a locale's rules.
 *
 * units: the second unique index looks redundant and is the fence. PostgreSQL takes the strong row lock (FOR UPDATE) only
 * for an update that changes a column of a unique index, and the weak one (FOR NO KEY UPDATE) for every other. A settling
 * or a claim reads its units FOR KEY SHARE: that conflicts with raising the epoch (a take-over waits for writes under way,
 * and a write that comes later sees the new epoch) and does not conflict with renewing the lease.
 *
 * Keys are indexed by their hash: a key may be longer than the 2,704 bytes that an index row can hold.
 */
export const record: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table units (
        actor text collate "C" not null,
        partition int not null,
        owner text collate "C",
        epoch bigint not null,
        lease_until timestamptz,
        acquired_at timestamptz not null default now(),
        primary key (actor, partition)
      )`.execute(db);
    await sql`create unique index units_epoch on units (actor, partition, epoch)`.execute(db);
    // Many small updates of few rows: room on the page keeps them off the indexes.
    await sql`
      create table lanes (
        actor text collate "C" not null,
        partition int not null,
        stream text collate "C" not null,
        priority text collate "C" not null,
        floor bigint not null,
        exceptions bigint[] not null,
        settled_at timestamptz not null default now(),
        primary key (actor, partition, stream, priority)
      ) with (fillfactor = 50)`.execute(db);
    await sql`
      create table parked (
        actor text collate "C" not null,
        partition int not null,
        stream text collate "C" not null,
        seq bigint not null,
        priority text collate "C" not null,
        key text collate "C" not null,
        message_id text collate "C" not null,
        attempts int not null,
        due_at timestamptz,
        because text not null,
        history jsonb not null default '[]',
        adopted boolean not null default true,
        taken_epoch bigint,
        taken_token text,
        dead_letter_id text collate "C" unique,
        parked_at timestamptz not null default now(),
        primary key (actor, partition, stream, seq)
      )`.execute(db);
    await sql`comment on column parked.adopted is 'false: parked by a person, and its owner has not parked it anew'`.execute(db);
    await sql`comment on column parked.dead_letter_id is 'the dead letter that is redelivered; it cannot wait twice'`.execute(db);
    await sql`create index parked_key on parked (actor, partition, stream, priority, md5(key), seq)`.execute(db);
    await sql`create index parked_message on parked (message_id)`.execute(db);
    await sql`create index parked_not_adopted on parked (actor, partition) where not adopted`.execute(db);
    await sql`
      create table suspects (
        actor text collate "C" not null,
        partition int not null,
        stream text collate "C" not null,
        seq bigint not null,
        starts int not null,
        quarantined boolean not null,
        primary key (actor, partition, stream, seq)
      )`.execute(db);
    await sql`
      create table effects (
        id text collate "C" primary key,
        actor text collate "C" not null,
        partition int not null,
        message_id text collate "C" not null,
        name text collate "C" not null,
        state text collate "C" not null check (state in ('claimed', 'done', 'failed', 'unknown', 'held')),
        epoch bigint not null,
        repeats int not null default 0,
        token text collate "C" not null,
        on_unknown text collate "C" not null,
        stream text collate "C" not null,
        seq bigint not null,
        priority text collate "C" not null,
        key text collate "C" not null,
        result jsonb,
        claimed_at timestamptz not null default now(),
        ended_at timestamptz
      ) with (fillfactor = 80)`.execute(db);
    await sql`create index effects_message on effects (message_id)`.execute(db);
    await sql`create index effects_held on effects (claimed_at, id) where state = 'held'`.execute(db);
    await sql`
      create table outbox (
        position bigserial primary key,
        actor text collate "C" not null,
        partition int not null,
        id text collate "C" not null,
        subject text not null,
        key text collate "C" not null,
        headers jsonb not null,
        body bytea,
        copy_stream text collate "C",
        copy_seq bigint,
        created_at timestamptz not null default now(),
        unique (id, actor, partition),
        check ((body is null) <> (copy_stream is null))
      )`.execute(db);
    await sql`
      create table dead_letters (
        id text collate "C" primary key,
        actor text collate "C" not null,
        partition int not null,
        message_id text collate "C" not null,
        round int not null,
        event_key text collate "C" not null,
        key text collate "C" not null,
        priority text collate "C" not null,
        reason text collate "C" not null,
        because text not null,
        detail jsonb,
        history jsonb not null,
        stream text collate "C" not null,
        seq bigint not null,
        run text collate "C",
        step text collate "C",
        at timestamptz not null,
        copy_seq bigint,
        status text collate "C" not null default 'open' check (status in ('open', 'redelivered', 'resolved')),
        status_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index dead_letters_at on dead_letters (at desc, id desc)`.execute(db);
    await sql`create index dead_letters_message on dead_letters (message_id)`.execute(db);
    await sql`create index dead_letters_run on dead_letters (run) where run is not null`.execute(db);
  },
};
