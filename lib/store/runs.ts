import { sql, type SqlBool } from 'kysely';
import type { RunRow, StepError } from '../workflow/row.ts';
import type { Database } from './database.ts';

/** A run as a list shows it. */
export interface RunSummary {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly eventId: string;
  readonly key: string;
  readonly status: RunRow['status'];
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: StepError | null;
  /** Where a failed run stands. */
  readonly step: string | null;
  /** Null where no actor gave up: the step itself could not be evaluated. */
  readonly deadLetterId: string | null;
}

export interface RunFilter {
  readonly status?: RunSummary['status'] | undefined;
  readonly workflow?: string | undefined;
  /** The id of the last one of the page before. */
  readonly after?: string | undefined;
}

/** Newest first, paged by key. */
export async function listRuns(database: Database, filter: RunFilter, limit: number): Promise<RunSummary[]> {
  const { status, workflow, after } = filter;
  let query = database.tables
    .selectFrom('runs as r')
    .leftJoin('steps as s', (join) => join.onRef('s.run', '=', 'r.id').on('s.status', '=', 'failed'))
    .selectAll('r')
    .select(['s.path', 's.dead_letter_id'])
    .orderBy('r.started_at', 'desc')
    .orderBy('r.id', 'desc')
    .limit(limit);
  if (status !== undefined) query = query.where('r.status', '=', status);
  if (workflow !== undefined) query = query.where('r.workflow', '=', workflow);
  if (after !== undefined) query = query.where(sql<SqlBool>`(r.started_at, r.id) < (select started_at, id from runs where id = ${after})`);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    workflow: row.workflow,
    version: row.version,
    eventId: row.event_id,
    key: row.key,
    status: row.status,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    error: row.error as StepError | null,
    step: row.path,
    deadLetterId: row.dead_letter_id,
  }));
}
