import type { AttemptRecord } from '../actor/record-port.ts';
import { type RawBuilder, type Selectable, sql, type SqlBool } from 'kysely';
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
   * - `discarded`: a person has decided that nothing is to be done, and has said why
   */
  readonly status: 'open' | 'redelivered' | 'resolved' | 'discarded';
  /** Since when it has its status; RFC 3339. */
  readonly statusAt: string;
  /** Why it was discarded. */
  readonly statusBecause: string | null;
  /** The same for all dead letters of one cause. */
  readonly fingerprint: string;
}

export interface DeadLetterFilter {
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
  /** A fingerprint. */
  readonly group?: string | undefined;
  readonly since?: Date | undefined;
  readonly status?: DeadLetterEntry['status'] | undefined;
  /** The id of the last one of the page before. */
  readonly after?: string | undefined;
}

/** Newest first, paged by key. */
export async function listDeadLetters(database: Database, filter: DeadLetterFilter, limit: number): Promise<DeadLetterEntry[]> {
  const { after } = filter;
  let query = database.tables
    .selectFrom('dead_letters')
    .selectAll()
    .where(fittingFilter(filter))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  if (after !== undefined)
    query = query.where(({ eb, refTuple, selectFrom }) =>
      eb(refTuple('at', 'id'), '<', selectFrom('dead_letters').select(['at', 'id']).where('id', '=', after).$asTuple('at', 'id')),
    );
  return (await query.execute()).map(deadLetterOf);
}

/** The filter as a condition on `dead_letters`, but for the page. */
export function fittingFilter({ actor, reason, group, since, status }: DeadLetterFilter): RawBuilder<SqlBool> {
  const parts = [sql<SqlBool>`true`];
  if (actor !== undefined) parts.push(sql`actor = ${actor}`);
  if (reason !== undefined) parts.push(sql`reason = ${reason}`);
  if (group !== undefined) parts.push(sql`fingerprint = ${group}`);
  if (since !== undefined) parts.push(sql`at >= ${since}`);
  if (status !== undefined) parts.push(sql`status = ${status}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

export async function findDeadLetter(database: Database, id: string): Promise<DeadLetterEntry | undefined> {
  const row = await database.tables.selectFrom('dead_letters').selectAll().where('id', '=', id).executeTakeFirst();
  return row && deadLetterOf(row);
}

/**
 * Every death of the same work, oldest first: all rounds of one message at one actor and, where a step of a run gave the command, those
 * of the commands that were given for the same step.
 */
export async function deathsOfWork(
  database: Database,
  letter: Pick<DeadLetterEntry, 'actor' | 'messageId' | 'run' | 'step'>,
): Promise<DeadLetterEntry[]> {
  const { actor, messageId, run, step } = letter;
  const ofStep = run === null || step === null ? sql`` : sql`or (run = ${run} and step = ${step})`;
  const query = database.tables
    .selectFrom('dead_letters')
    .selectAll()
    .where('actor', '=', actor)
    .where(sql<SqlBool>`(message_id = ${messageId} ${ofStep})`);
  return (await query.orderBy('at').orderBy('round').execute()).map(deadLetterOf);
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
    statusBecause: row.status_because,
    fingerprint: row.fingerprint,
  };
}
