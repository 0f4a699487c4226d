import type { SettleBatch, UnitLease } from '../actor/record-port.ts';
import type { EventRow, KeptEventRow, OutcomeRow, RunRow, StepRow, WorkflowRow } from '../workflow/row.ts';
import { cleanJson, cleanTime } from './clean-text.ts';
import type { PartRows, StatementPart } from './fenced-statement.ts';
import { KEPT_EVENTS, keptEventRow } from './kept-events.ts';
import { lastOf, unitOf } from './settle-record.ts';

/**
 * The parts of a settling that write what handlers recorded. A plain upsert of runs and steps is enough: one key has one
 * mailbox, and the fence keeps an older owner out. Throws a `TypeError` for a row of an unknown kind.
 */
export function handlerParts(rows: SettleBatch['rows']): PartRows[] {
  const events: Recorded<EventRow>[] = [];
  const outcomes: Recorded<OutcomeRow>[] = [];
  const runs: Recorded<RunRow>[] = [];
  const steps: Recorded<StepRow>[] = [];
  const kept: Recorded<KeptEventRow>[] = [];
  for (const { unit, row } of rows as readonly { unit: UnitLease; row: WorkflowRow }[]) {
    switch (row.kind) {
      case 'event':
        events.push({ unit, row });
        break;
      case 'outcome':
        outcomes.push({ unit, row });
        break;
      case 'run':
        runs.push({ unit, row });
        break;
      case 'step':
        steps.push({ unit, row });
        break;
      case 'kept-event':
        kept.push({ unit, row });
        break;
      default:
        throw new TypeError(
          `recorded row: expected kind event, outcome, run, step or kept-event, got ${JSON.stringify((row as { kind?: unknown }).kind)}`,
        );
    }
  }
  const lastRuns = lastOf(runs, ({ row }) => row.id);
  return [
    { part: EVENTS, rows: events.map(eventRow) },
    { part: OUTCOMES, rows: outcomes.map(outcomeRow) },
    { part: RUNS, rows: lastRuns.map(runRow) },
    { part: RUNS_OVER, rows: lastRuns.filter(({ row }) => row.status === 'done' || row.status === 'cancelled').map(overRow) },
    { part: STEPS, rows: lastOf(steps, ({ row }) => `${row.run} ${row.path}`).map(stepRow) },
    { part: KEPT_EVENTS, rows: lastOf(kept, ({ row }) => row.run).map(keptEventRow) },
  ];
}

interface Recorded<Row> {
  readonly unit: UnitLease;
  readonly row: Row;
}

const EVENTS: StatementPart = {
  name: 'event',
  columns: `id text, stream text, seq bigint, source text, type text, key text, priority text, received_at timestamptz, size int, fate text`,
  write: `
event_write as (
  insert into events (id, stream, seq, source, type, key, priority, received_at, size, fate)
  select id, stream, seq, source, type, key, priority, coalesce(received_at, now()), size, fate from event
  on conflict (id) do nothing
)`,
};

function eventRow({ unit, row }: Recorded<EventRow>): object {
  const { id, stream, seq, source, type, key, priority, receivedAt, size, fate } = row;
  return { ...unitOf(unit), id, stream, seq, source, type, key, priority, received_at: cleanTime(receivedAt), size, fate };
}

const OUTCOMES: StatementPart = {
  name: 'outcome',
  columns: 'n int, message_id text, by_actor text, outcome text, reason text, at timestamptz',
  write: `
outcome_write as (
  insert into outcomes (message_id, actor, outcome, reason, at)
  select message_id, by_actor, outcome, reason, coalesce(at, now()) from outcome order by n
  on conflict (message_id, actor, outcome) do nothing
)`,
};

function outcomeRow({ unit, row }: Recorded<OutcomeRow>, n: number): object {
  const { messageId, actor, outcome, reason, at } = row;
  return { ...unitOf(unit), n, message_id: messageId, by_actor: actor, outcome, reason, at: cleanTime(at) };
}

const RUNS: StatementPart = {
  name: 'run',
  columns: `id text, workflow text, version int, event_id text, event_stream text, event_seq bigint, key text, priority text, status text,
    started_at timestamptz, ended_at timestamptz, error jsonb, replay jsonb`,
  write: `
run_write as (
  insert into runs (id, workflow, version, event_id, event_stream, event_seq, key, priority, status, started_at, ended_at, error, replay)
  select id, workflow, version, event_id, event_stream, event_seq, key, priority, status, coalesce(started_at, now()), ended_at, error, replay from run
  on conflict (id) do update
    set version = excluded.version, status = excluded.status, ended_at = excluded.ended_at, error = excluded.error
)`,
};

function runRow({ unit, row }: Recorded<RunRow>): object {
  const { id, workflow, version, eventId, eventStream, eventSeq, key, priority, status, startedAt, endedAt, error, replay = null } = row;
  return {
    ...unitOf(unit),
    id,
    workflow,
    version,
    event_id: eventId,
    event_stream: eventStream,
    event_seq: eventSeq,
    key,
    priority,
    status,
    started_at: cleanTime(startedAt),
    ended_at: endedAt === null ? null : cleanTime(endedAt),
    error: cleanJson(error),
    replay: cleanJson(replay),
  };
}

const RUNS_OVER: StatementPart = {
  name: 'ended',
  columns: 'id text, is_cancelled boolean',
  write: `
ended_timers as (
  delete from timers t using ended r where r.is_cancelled and t.id >= r.id || '/' and t.id < r.id || '0'
),
ended_write as (
  delete from kept_events k using ended r where k.run = r.id
)`,
};

function overRow({ unit, row }: Recorded<RunRow>): object {
  return { ...unitOf(unit), id: row.id, is_cancelled: row.status === 'cancelled' };
}

const STEPS: StatementPart = {
  name: 'step',
  columns: `run text, path text, position int, type text, status text, command_id text, generation text, version int, reason text,
    output jsonb, error jsonb, dead_letter_id text, started_at timestamptz, due_at timestamptz, ended_at timestamptz`,
  write: `
step_write as (
  insert into steps (run, path, position, type, status, command_id, generation, version, reason, output, error, dead_letter_id, started_at, due_at, ended_at)
  select run, path, position, type, status, command_id, generation, version, reason, output, error, dead_letter_id, coalesce(started_at, now()), due_at, ended_at
  from step
  on conflict (run, path) do update
    set position = excluded.position, type = excluded.type, status = excluded.status, command_id = excluded.command_id,
        generation = excluded.generation, version = excluded.version, reason = excluded.reason, output = excluded.output, error = excluded.error,
        dead_letter_id = excluded.dead_letter_id, started_at = excluded.started_at, due_at = excluded.due_at,
        ended_at = excluded.ended_at
)`,
};

function stepRow({ unit, row }: Recorded<StepRow>): object {
  const {
    run,
    path,
    position,
    type,
    status,
    commandId,
    generation,
    version,
    reason,
    output,
    error,
    deadLetterId,
    startedAt,
    dueAt,
    endedAt,
  } = row;
  return {
    ...unitOf(unit),
    run,
    path,
    position,
    type,
    status,
    command_id: commandId,
    generation,
    version,
    reason,
    dead_letter_id: deadLetterId,
    output: cleanJson(output),
    error: cleanJson(error),
    started_at: cleanTime(startedAt),
    due_at: dueAt === null ? null : cleanTime(dueAt),
    ended_at: endedAt === null ? null : cleanTime(endedAt),
  };
}
