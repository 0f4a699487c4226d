import type { UnitLease } from '../actor/record-port.ts';
import type { WorkflowEvent } from '../workflow/event.ts';
import type { KeptEventRow } from '../workflow/row.ts';
import { cleanJson } from './clean-text.ts';
import type { Database } from './database.ts';
import type { StatementPart } from './fenced-statement.ts';
import { toBase64, unitOf } from './settle-record.ts';

/** The event that a run keeps; its body is what the log had, byte for byte. */
export async function readKeptEvent(database: Database, runId: string): Promise<WorkflowEvent | undefined> {
  const text = 'select event, body from kept_events where run = $1';
  const [row] = await database.query<{ event: Omit<WorkflowEvent, 'body'>; body: Buffer }>({ name: 'kept-event', text, values: [runId] });
  return row && { ...row.event, body: row.body };
}

export const KEPT_EVENTS: StatementPart = {
  name: 'kept',
  columns: 'run text, event jsonb, body text',
  write: `
kept_write as (
  insert into kept_events (run, event, body)
  select run, event, decode(body, 'base64') from kept
  on conflict (run) do nothing
)`,
};

export function keptEventRow({ unit, row }: { readonly unit: UnitLease; readonly row: KeptEventRow }): object {
  const { body, ...event } = row.event;
  return { ...unitOf(unit), run: row.run, event: cleanJson(event), body: toBase64(body) };
}
