import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * actor_states: what an actor keeps of each of its keys, written in the transaction that settles a message of the key.
 *
 * The event's key says which unit a row belongs to, so no two units ever write the same one, and it need not move where an actor's
 * partitions are changed. `json` keeps the text as it is, and any text that is JSON; `jsonb` refuses some.
 */
export const actorStates: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create table actor_states (
        actor text collate "C" not null,
        event_key text collate "C" not null,
        key text collate "C" not null,
        version int not null,
        state json not null,
        message_id text collate "C" not null,
        stream text collate "C" not null,
        seq bigint not null,
        updated_at timestamptz not null default clock_timestamp(),
        primary key (actor, event_key, key)
      ) with (fillfactor = 70)`.execute(db);
    await sql`comment on column actor_states.key is 'the mailbox key, which may refine the event key'`.execute(db);
    await sql`comment on column actor_states.message_id is 'the message that it was settled with last'`.execute(db);
  },
};
