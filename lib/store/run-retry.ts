import type { RunRow, StepRow } from '../workflow/row.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import { readRuns } from './run-reader.ts';
import { enabledVersion } from './workflows.ts';

/**
 * What letting a failed step run again means, where no dead letter stands for it:
 * - `retry`: the step is rendered again with the workflow's enabled version
 * - `unknown`: there is no such run
 * - `refused`: it would do nothing
 */
export type RunRetryPlan =
  | { readonly kind: 'retry'; readonly run: RunRow; readonly step: StepRow; readonly version: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly because: string };

/** Looks only. Without `path` it is the step at which the run stands. */
export async function planRunRetry(database: Database, runId: string, path: string | undefined): Promise<RunRetryPlan> {
  const state = (await readRuns(database, [runId])).get(runId);
  if (state === undefined) return { kind: 'unknown' };
  const { run, steps } = state;
  const step = steps.find((each) => (path === undefined ? each.status === 'failed' : each.path === path));
  if (path !== undefined && step === undefined) return refuse(`run ${run.id} has not reached a step ${path}`);
  if (run.status !== 'failed') return refuse(`run ${run.id} is ${run.status}, not failed`);
  if (step?.status !== 'failed') return refuse(`step ${path} of run ${run.id} is ${step?.status}, not failed`);
  if (step.deadLetterId !== null)
    return refuse(`dead letter ${step.deadLetterId} stands for step ${step.path}: visapi dead redeliver does it`);
  const workflow = await enabledVersion(database, run.workflow);
  if (workflow === undefined) return refuse(`workflow ${run.workflow} has no enabled version`);
  return { kind: 'retry', run, step, version: workflow.version };
}

/** After the retry's message is confirmed by the log. */
export async function recordRunRetry(
  database: Database,
  { plan, generation, who }: { plan: Extract<RunRetryPlan, { kind: 'retry' }>; generation: string; who: string },
): Promise<void> {
  const { run, step, version } = plan;
  const detail = { step: step.path, workflow: run.workflow, version, generation };
  await writeAudit(database.tables, { who, action: 'run.retry-step', target: run.id, detail });
}

function refuse(because: string): RunRetryPlan {
  return { kind: 'refused', because };
}
