import { sql } from 'kysely';
import { writeAudit } from './audit-log.ts';
import { cleanText } from './clean-text.ts';
import type { Database } from './database.ts';
import type { RedeliveryPlan } from './redelivery-plan.ts';

export interface MessageRedelivery {
  readonly plan: Extract<RedeliveryPlan, { kind: 'message' }>;
  /** The stream that has the copies. */
  readonly stream: string;
  /** Milliseconds from now, by the database's clock. */
  readonly delayMs: number;
  readonly who: string;
}

/**
 * Lets the copy of a dead letter run again: a parked row that its actor's owner takes over within a moment. One transaction with
 * the dead letter's new status and the audit row. Resolves with false where somebody else was first: it waits already.
 */
export async function redeliverMessage(database: Database, { plan, stream, delayMs, who }: MessageRedelivery): Promise<boolean> {
  const { letter, copySeq } = plan;
  return await database.tables.transaction().execute(async (tables) => {
    const because = cleanText(`redelivered by ${who}`);
    const inserted = await sql<object>`
      insert into parked (actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, adopted, dead_letter_id)
      select d.actor, d.partition, ${stream}, ${copySeq}, d.priority,
        d.key, d.message_id, 0, now() + ${delayMs}::float8 * interval '1 millisecond', ${because}, false, d.id
      from dead_letters d where d.id = ${letter.id} and d.status <> 'redelivered'
      on conflict do nothing
      returning 1`.execute(tables);
    if (inserted.rows.length === 0) return false;
    await setStatus(tables, letter.id, 'redelivered');
    await writeAudit(tables, { who, action: 'dead-letter.redeliver', target: letter.id, detail: { stream, seq: copySeq, delayMs } });
    return true;
  });
}

/** After the retry's message is confirmed by the log: a new command takes the dead letter's place. */
export async function recordStepRetry(
  database: Database,
  retry: { plan: Extract<RedeliveryPlan, { kind: 'step' }>; generation: string; who: string },
): Promise<void> {
  const { plan, generation, who } = retry;
  const { letter, run, step, workflow, version } = plan;
  await database.tables.transaction().execute(async (tables) => {
    await setStatus(tables, letter.id, 'resolved');
    await writeAudit(tables, {
      who,
      action: 'dead-letter.retry-step',
      target: letter.id,
      detail: { run, step, workflow, version, generation },
    });
  });
}

async function setStatus(tables: Database['tables'], id: string, status: 'redelivered' | 'resolved'): Promise<void> {
  await sql`update dead_letters set status = ${status}, status_at = now() where id = ${id}`.execute(tables);
}
