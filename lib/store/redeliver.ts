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
  /** What runs in the place of the stored message. (Default: the stored message) */
  readonly edit?: EditedCopy;
}

/** A copy of a dead letter with another payload, in the stream of the copies. The audit log has no payloads, but what tells them apart. */
export interface EditedCopy {
  readonly seq: number;
  /** SHA-256 of the payloads, hex. */
  readonly before: string;
  readonly after: string;
}

/**
 * Lets the copy of a dead letter run again: a parked row that its actor's owner takes over within a moment. One transaction with
 * the dead letter's new status and the audit row. Resolves with false where somebody else was first: it waits already.
 */
export async function redeliverMessage(database: Database, { plan, stream, delayMs, who, edit }: MessageRedelivery): Promise<boolean> {
  const { letter } = plan;
  const copySeq = edit?.seq ?? plan.copySeq;
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
    if (edit !== undefined) await writeAudit(tables, { who, action: 'dead-letter.edit', target: letter.id, detail: { stream, ...edit } });
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
