import type { Priority } from '../core/priority.ts';
import type { RunRow, StepError, StepRow } from '../workflow/row.ts';
import type { RunReader } from '../workflow/run-reader.ts';
import type { RunReplay } from '../workflow/run-replay.ts';
import type { RunState } from '../workflow/turn.ts';
import { BatchedRead } from './batched-read.ts';
import type { Database } from './database.ts';
import type { StoreReader } from './snapshot.ts';
import { readKeptEvent } from './kept-events.ts';
import { enabledWorkflows, findWorkflow } from './workflows.ts';

/** What the workflow actor reads before a turn; questions that come together are one query. */
export function createRunReader(database: Database): RunReader {
  const line = database.line();
  const runsOfEvents = new BatchedRead((eventIds) => readRunIds(line, eventIds));
  const runs = new BatchedRead((runIds) => readRuns(line, runIds));
  return {
    enabledWorkflows: () => enabledWorkflows(database),
    workflowVersion: (name, version) => findWorkflow(database, name, version),
    runsOfEvent: async (eventId) => (await runsOfEvents.ask(eventId)) ?? new Set(),
    run: (runId) => runs.ask(runId),
    keptEvent: (runId) => readKeptEvent(database, runId),
  };
}

async function readRunIds(
  database: Pick<Database, 'query'>,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const text = `select id, event_id from runs where event_id = any (${GIVEN})`;
  const rows = await database.query<{ id: string; event_id: string }>({ name: 'runs-of-events', text, values: [eventIds] });
  const found = new Map<string, Set<string>>();
  for (const { id, event_id: eventId } of rows) found.set(eventId, (found.get(eventId) ?? new Set()).add(id));
  return found;
}

/** The runs that there are, by id, each with its steps in order of their position. */
export async function readRuns(reader: Pick<StoreReader, 'query'>, runIds: readonly string[]): Promise<ReadonlyMap<string, RunState>> {
  const runs = await reader.query<RunRecord>({ name: 'runs', text: RUNS, values: [runIds] });
  return new Map(runs.map((run) => [run.id, { run: runOf(run), steps: run.steps.map(stepOf) }]));
}

/**
 * An array that the planner cannot look into. Where it can, a plan made for one id looks cheaper to it than the one that is kept, and it
 * plans each time, which takes longer than the reading.
 */
const GIVEN = '(select $1::text[])::text[]';

/** One statement: a second one would cost as much again as this one, which mostly asks for one run. */
const RUNS = `
select r.*, (select coalesce(json_agg(s order by s.position, s.path), '[]') from steps s where s.run = r.id) as steps
from runs r where r.id = any (${GIVEN})`;

interface RunRecord {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly event_id: string;
  readonly event_stream: string;
  readonly event_seq: number;
  readonly key: string;
  readonly priority: Priority;
  readonly status: RunRow['status'];
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly error: StepError | null;
  readonly replay: RunReplay | null;
  readonly steps: readonly StepRecord[];
}

/** As JSON has it. */
interface StepRecord {
  readonly run: string;
  readonly path: string;
  readonly position: number;
  readonly type: string;
  readonly status: StepRow['status'];
  readonly command_id: string;
  readonly generation: string;
  readonly version: number;
  readonly reason: string | null;
  readonly output: unknown;
  readonly error: StepError | null;
  readonly dead_letter_id: string | null;
  readonly started_at: string;
  readonly due_at: string | null;
  readonly ended_at: string | null;
}

function runOf(row: RunRecord): RunRow {
  const { id, workflow, version, key, priority, status, error, replay } = row;
  return {
    kind: 'run',
    id,
    workflow,
    version,
    eventId: row.event_id,
    eventStream: row.event_stream,
    eventSeq: row.event_seq,
    key,
    priority,
    status,
    error,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    ...(replay === null ? {} : { replay }),
  };
}

function stepOf(row: StepRecord): StepRow {
  const { run, path, position, type, status, generation, version, reason, output, error } = row;
  return {
    kind: 'step',
    run,
    path,
    position,
    type,
    status,
    commandId: row.command_id,
    generation,
    version,
    reason,
    output,
    error,
    deadLetterId: row.dead_letter_id,
    startedAt: timeOf(row.started_at),
    dueAt: row.due_at && timeOf(row.due_at),
    endedAt: row.ended_at && timeOf(row.ended_at),
  };
}

function timeOf(text: string): string {
  return new Date(text).toISOString();
}
