import type { OutboxEntry, UnitLease } from '../actor/record-port.ts';
import type { Database } from './database.ts';
import { distinctUnits } from './fenced-statement.ts';

/**
 * The timers of some units that are due, the longest first. A row stays until the log has its message: whoever asks again is
 * told it again, and publishes it under the same id.
 */
export async function dueTimers(database: Database, leases: readonly UnitLease[], nowMs: number, limit: number): Promise<OutboxEntry[]> {
  if (leases.length === 0) return [];
  const values = [JSON.stringify(distinctUnits(leases)), new Date(nowMs).toISOString(), limit];
  const rows = await database.query<TimerRecord & UnitLease>({ name: 'due-timers', text: DUE, values });
  return rows.map(({ actor, partition, epoch, ...timer }) => ({ unit: { actor, partition, epoch }, ...timer }));
}

interface TimerRecord {
  readonly id: string;
  readonly subject: string;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const DUE = `
select t.actor, t.partition, u.epoch, t.id, t.subject, t.key, t.headers, t.body
from json_to_recordset($1::json) as u(actor text, partition int, epoch bigint)
join timers t on t.actor = u.actor and t.partition = u.partition
where t.due_at <= $2
order by t.due_at, t.id limit $3`;
