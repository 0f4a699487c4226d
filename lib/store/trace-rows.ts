import { type RawBuilder, sql, type SqlBool } from 'kysely';
import type { Database } from './database.ts';
import { type DeadLetterEntry, deadLetterOf } from './dead-letters.ts';

/** Everything that the store has about some messages: an event, and whatever its runs have sent. */
export interface MessageRows {
  readonly effects: readonly TracedEffect[];
  readonly parked: readonly TracedWait[];
  readonly deadLetters: readonly DeadLetterEntry[];
  readonly outcomes: readonly TracedOutcome[];
  /** Ids of messages that are settled and not yet published. */
  readonly outbox: readonly string[];
}

export interface TracedEffect {
  readonly id: string;
  readonly actor: string;
  readonly messageId: string;
  readonly state: 'claimed' | 'done' | 'failed' | 'unknown' | 'held';
  readonly repeats: number;
  readonly claimedAt: string;
  readonly endedAt: string | null;
}

export interface TracedWait {
  readonly actor: string;
  readonly partition: number;
  readonly messageId: string;
  readonly stream: string;
  readonly seq: number;
  readonly attempts: number;
  /** Null: behind the head of its key. */
  readonly dueAt: string | null;
  readonly because: string;
  readonly history: unknown;
}

export interface TracedOutcome {
  readonly messageId: string;
  readonly actor: string;
  readonly outcome: string;
  readonly reason: string;
  readonly at: string;
}

/** By the event's id and the ids of its runs: what a run has sent is called `<run>/...`. */
export async function readMessageRows(database: Database, eventId: string, runIds: readonly string[]): Promise<MessageRows> {
  const { tables } = database;
  const [effects, parked, deadLetters, outcomes, outbox] = await Promise.all([
    tables
      .selectFrom('effects')
      .selectAll()
      .where(ofMessages('message_id', eventId, runIds))
      .orderBy('claimed_at')
      .execute(),
    tables
      .selectFrom('parked')
      .selectAll()
      .where(ofMessages('message_id', eventId, runIds))
      .execute(),
    tables
      .selectFrom('dead_letters')
      .selectAll()
      .where(ofMessages('message_id', eventId, runIds))
      .orderBy('at')
      .orderBy('round')
      .execute(),
    tables
      .selectFrom('outcomes')
      .selectAll()
      .where(ofMessages('message_id', eventId, runIds))
      .orderBy('at')
      .execute(),
    tables
      .selectFrom('outbox')
      .select('id')
      .where(ofMessages('id', eventId, runIds))
      .execute(),
  ]);
  return {
    effects: effects.map((row) => ({
      id: row.id,
      actor: row.actor,
      messageId: row.message_id,
      state: row.state,
      repeats: row.repeats,
      claimedAt: row.claimed_at.toISOString(),
      endedAt: row.ended_at?.toISOString() ?? null,
    })),
    parked: parked.map((row) => ({
      actor: row.actor,
      partition: row.partition,
      messageId: row.message_id,
      stream: row.stream,
      seq: row.seq,
      attempts: row.attempts,
      dueAt: row.due_at?.toISOString() ?? null,
      because: row.because,
      history: row.history,
    })),
    deadLetters: deadLetters.map(deadLetterOf),
    outcomes: outcomes.map((row) => ({
      messageId: row.message_id,
      actor: row.actor,
      outcome: row.outcome,
      reason: row.reason,
      at: row.at.toISOString(),
    })),
    outbox: outbox.map(({ id }) => id),
  };
}

/** `0` is the character after `/`, and ids are compared byte by byte: so this is a range of the index. */
function ofMessages(column: 'message_id' | 'id', eventId: string, runIds: readonly string[]): RawBuilder<SqlBool> {
  const name = sql.ref(column);
  const ofRuns = runIds.map((run) => sql<SqlBool>`(${name} >= ${`${run}/`} and ${name} < ${`${run}0`})`);
  return sql<SqlBool>`(${sql.join([sql<SqlBool>`${name} = ${eventId}`, ...ofRuns], sql` or `)})`;
}
