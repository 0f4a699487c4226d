import type { Priority } from '../core/priority.ts';
import type { SettledSpan } from '../core/settled-span.ts';
import type { Database } from './database.ts';
import { readSnapshot } from './snapshot.ts';

/** A step that waits, and of which the record does not say for what: then its command or its result is in the log, and not settled. */
export interface BareStep {
  readonly run: string;
  readonly path: string;
  readonly commandId: string;
}

/** How far a lane is. */
export interface LaneFloor extends SettledSpan {
  readonly actor: string;
  readonly partition: number;
  readonly stream: string;
  readonly priority: Priority;
}

/** What the record says at one moment about what is under way. */
export interface StepAccount {
  readonly bare: readonly BareStep[];
  /** Open runs without a step that waits. */
  readonly stopped: readonly string[];
  readonly lanes: readonly LaneFloor[];
}

/**
 * Of all runs, or of those that have begun within a time. In one snapshot a step that waits is in an outbox, a timer, a parked row, a held
 * effect or a dead letter of its result; otherwise a message of the log that is not settled brings it on, whatever happens meanwhile.
 *
 * @param within RFC 3339, from and before (Default: all)
 */
export async function readStepAccount(
  database: Database,
  within?: { readonly from: string; readonly before: string },
): Promise<StepAccount> {
  return await readSnapshot(database, async (reader) => {
    const values = within === undefined ? [] : [within.from, within.before];
    const window = within === undefined ? '' : 'and r.started_at >= $1 and r.started_at < $2';
    const bare = await reader.query<BareStep>({ text: BARE.replace('/* window */', window), values });
    const stopped = await reader.query<{ id: string }>({ text: STOPPED.replace('/* window */', window), values });
    const lanes = await reader.query<LaneFloor>({ text: LANES });
    return { bare, stopped: stopped.map(({ id }) => id), lanes };
  });
}

/** Which of these (run, step) have a row. In the order that they were asked for. */
export async function readKnownSteps(
  database: Database,
  steps: readonly { readonly run: string; readonly path: string }[],
): Promise<boolean[]> {
  if (steps.length === 0) return [];
  const rows = await database.query<{ known: boolean }>({
    text: `
      select exists (select from steps s where s.run = asked.run and s.path = asked.path) as known
      from unnest($1::text[], $2::text[]) with ordinality as asked(run, path, n) order by asked.n`,
    values: [steps.map(({ run }) => run), steps.map(({ path }) => path)],
  });
  return rows.map(({ known }) => known);
}

/** A result's id is its command's with `/result` or `/dead/<round>` behind it (see lib/core/identity.ts): between `/` and `0`. */
const isCommandOrResult = (id: string): string => `(${id} = s.command_id or (${id} > s.command_id || '/' and ${id} < s.command_id || '0'))`;

const BARE = `
select s.run, s.path, s.command_id as "commandId"
from runs r join steps s on s.run = r.id
where r.status = 'running' and s.status = 'waiting' /* window */
  and not exists (select from outbox o where ${isCommandOrResult('o.id')})
  and not exists (select from timers t where t.id = s.command_id)
  and not exists (select from parked p where ${isCommandOrResult('p.message_id')})
  and not exists (select from effects e where e.message_id = s.command_id and e.state = 'held')
  and not exists (select from dead_letters d where d.message_id > s.command_id || '/' and d.message_id < s.command_id || '0')
order by s.run, s.path`;

const STOPPED = `
select r.id from runs r
where r.status = 'running' /* window */ and not exists (select from steps s where s.run = r.id and s.status = 'waiting')
order by r.id`;

const LANES = `select actor, partition, stream, priority, floor, highest, open from lanes`;
