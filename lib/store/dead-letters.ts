import type { AttemptRecord } from '../actor/record-port.ts';
import type { Selectable } from 'kysely';
import type { Database } from './database.ts';
import type { DeadLettersTable } from './tables.ts';

/** The index entry of a dead letter; its body is its copy in the log. */
export interface DeadLetterEntry {
  readonly id: string;
  readonly actor: string;
  readonly partition: number;
  readonly messageId: string;
  readonly round: number;
  readonly eventKey: string;
  readonly priority: string;
  readonly reason: string;
  readonly because: string;
  readonly detail: unknown;
  readonly history: readonly AttemptRecord[];
  /** Where the message was that died. */
  readonly stream: string;
  readonly seq: number;
  readonly run: string | null;
  readonly step: string | null;
  readonly at: string;
  /** Where its copy is; null for the moment between its settling and the copy's confirmation. */
  readonly copySeq: number | null;
  /**
   * - `open`: nobody has done anything about it
   * - `redelivered`: it runs again, or waits for that
   * - `resolved`: its redelivery ended, as done or as a dead letter of the next round, or a new command took its place
   */
  readonly status: 'open' | 'redelivered' | 'resolved';
  /** Since when it has its status; RFC 3339. */
  readonly statusAt: string;
}

export interface DeadLetterFilter {
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
  readonly since?: Date | undefined;
  readonly status?: DeadLetterEntry['status'] | undefined;
  /** The id of the last one of the page before. */
  readonly after?: string | undefined;
}

/** Newest first, paged by key. */
export async function listDeadLetters(database: Database, filter: DeadLetterFilter, limit: number): Promise<DeadLetterEntry[]> {
  const { actor, reason, since, status, after } = filter;
  let query = database.tables.selectFrom('dead_letters').selectAll().orderBy('at', 'desc').orderBy('id', 'desc').limit(limit);
  if (actor !== undefined) query = query.where('actor', '=', actor);
  if (reason !== undefined) query = query.where('reason', '=', reason);
  if (since !== undefined) query = query.where('at', '>=', since);
  if (status !== undefined) query = query.where('status', '=', status);
  if (after !== undefined)
    query = query.where(({ eb, refTuple, selectFrom }) =>
      eb(refTuple('at', 'id'), '<', selectFrom('dead_letters').select(['at', 'id']).where('id', '=', after).$asTuple('at', 'id')),
    );
  return (await query.execute()).map(deadLetterOf);
}

export async function findDeadLetter(database: Database, id: string): Promise<DeadLetterEntry | undefined> {
  const row = await database.tables.selectFrom('dead_letters').selectAll().where('id', '=', id).executeTakeFirst();
  return row && deadLetterOf(row);
}

/** All rounds of one message at one actor, oldest first. */
export async function deadLetterRounds(
  database: Database,
  letter: Pick<DeadLetterEntry, 'actor' | 'messageId'>,
): Promise<DeadLetterEntry[]> {
  const { actor, messageId } = letter;
  const query = database.tables.selectFrom('dead_letters').selectAll().where('message_id', '=', messageId).where('actor', '=', actor);
  return (await query.orderBy('round').execute()).map(deadLetterOf);
}

export function deadLetterOf(row: Selectable<DeadLettersTable>): DeadLetterEntry {
  const { id, actor, partition, round, priority, reason, because, detail, stream, seq, run, step, status } = row;
  return {
    id,
    actor,
    partition,
    messageId: row.message_id,
    round,
    eventKey: row.event_key,
    priority,
    reason,
    because,
    detail,
    history: row.history as readonly AttemptRecord[],
    stream,
    seq,
    run,
    step,
    at: row.at.toISOString(),
    copySeq: row.copy_seq,
    status,
    statusAt: row.status_at.toISOString(),
  };
}
