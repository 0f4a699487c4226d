import { type RawBuilder, sql, type SqlBool } from 'kysely';
import { type DeadLetterEntry, deadLetterOf } from './dead-letters.ts';
import type { StoreReader } from './snapshot.ts';

/** Everything that the store has about some messages: an event, and whatever its runs have sent. */
export interface MessageRows {
  readonly effects: readonly TracedEffect[];
  readonly parked: readonly TracedWait[];
  readonly deadLetters: readonly DeadLetterEntry[];
  readonly outcomes: readonly TracedOutcome[];
  /** What people did about the runs, effects and dead letters, oldest first. */
  readonly acts: readonly TracedAct[];
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

/** A row of the audit log. */
export interface TracedAct {
  readonly at: string;
  readonly who: string;
  /** As `dead-letter.redeliver`. */
  readonly action: string;
  /** The id of a run, an effect or a dead letter. */
  readonly target: string;
}

export interface TracedOutcome {
  readonly messageId: string;
  readonly actor: string;
  readonly outcome: string;
  readonly reason: string;
  readonly at: string;
}

/** By the event's id and the ids of its runs: what a run has sent is called `<run>/...`. */
export async function readMessageRows(reader: StoreReader, eventId: string, runIds: readonly string[]): Promise<MessageRows> {
  const { tables } = reader;
  const effects = await tables
    .selectFrom('effects')
    .selectAll()
    .where(ofMessages('message_id', eventId, runIds))
    .orderBy('claimed_at')
    .execute();
  const parked = await tables
    .selectFrom('parked')
    .selectAll()
    .where(ofMessages('message_id', eventId, runIds))
    .execute();
  const deadLetters = await tables
    .selectFrom('dead_letters')
    .selectAll()
    .where(ofMessages('message_id', eventId, runIds))
    .orderBy('at')
    .orderBy('round')
    .execute();
  const outcomes = await tables
    .selectFrom('outcomes')
    .selectAll()
    .where(ofMessages('message_id', eventId, runIds))
    .orderBy('at')
    .execute();
  const outbox = await tables
    .selectFrom('outbox')
    .select('id')
    .where(ofMessages('id', eventId, runIds))
    .execute();
  const targets = [...runIds, ...effects.map(({ id }) => id), ...deadLetters.map(({ id }) => id)];
  return {
    acts: await readActs(reader, targets),
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

/** The log of what was done by hand is short, and has no index by target. */
async function readActs({ tables }: StoreReader, targets: readonly string[]): Promise<TracedAct[]> {
  if (targets.length === 0) return [];
  const query = tables.selectFrom('audit_log').select(['at', 'who', 'action', 'target']).where('target', 'in', targets);
  return (await query.orderBy('id').execute()).map((row) => ({ ...row, at: row.at.toISOString() }));
}

/** `0` is the character after `/`, and ids are compared byte by byte: so this is a range of the index. */
function ofMessages(column: 'message_id' | 'id', eventId: string, runIds: readonly string[]): RawBuilder<SqlBool> {
  const name = sql.ref(column);
  const ofRuns = runIds.map((run) => sql<SqlBool>`(${name} >= ${`${run}/`} and ${name} < ${`${run}0`})`);
  return sql<SqlBool>`(${sql.join([sql<SqlBool>`${name} = ${eventId}`, ...ofRuns], sql` or `)})`;
}
