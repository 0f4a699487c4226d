import type { StepRow } from '../../lib/workflow/row.ts';
import type { RunState } from '../../lib/workflow/turn.ts';
import { compact, table } from './output.ts';

/** A run and the steps that it has reached. */
export function runText({ run, steps }: RunState): string {
  const ended = run.endedAt === null ? '' : `, ended ${run.endedAt}`;
  const facts = `${run.workflow} version ${run.version}, key ${run.key}, event ${run.eventId}`;
  const rows = steps.map((step) => [step.startedAt, step.path, step.type, step.status, stepDetail(step)]);
  return `Run ${run.id}: ${run.status}\n${facts}\nstarted ${run.startedAt}${ended}\n${table(['reached', 'step', 'uses', 'status', 'detail'], rows)}`;
}

/** Why a step was skipped or has failed, what it gave back, or until when it waits. */
export function stepDetail({ reason, error, output, status, dueAt }: StepRow): string {
  if (status === 'waiting' && dueAt !== null) return `until ${dueAt}`;
  return reason ?? (error === null ? compact(output) : `${error.reason}: ${error.because}`);
}
