import type { CompiledStep, CompiledWorkflow } from './compile.ts';
import type { WorkflowEvent } from './event.ts';
import type { KeptEventRow, RunRow, StepError, StepRow } from './row.ts';
import type { EventScope } from './scope.ts';
import { hasEnded, reachedStep } from './step-row.ts';
import { takeStep } from './take-step.ts';
import type { Outputs } from './turn.ts';
import { NO_OUTPUTS } from './turn.ts';

/** The event as a run sees it; `lost` where its body cannot be read any more. */
export type EventReading =
  | { readonly kind: 'read'; readonly scope: EventScope; readonly event: WorkflowEvent }
  | { readonly kind: 'lost'; readonly error: StepError };

export interface Advance extends Outputs {
  readonly rows: readonly (RunRow | StepRow | KeptEventRow)[];
}

export interface Start {
  readonly run: RunRow;
  /** The steps that the run has reached, as they are before this turn. */
  readonly steps: readonly StepRow[];
  readonly workflow: CompiledWorkflow;
  readonly event: EventReading;
  /** The first step to look at. */
  readonly from: number;
  /** Of the first step's command; later ones have none. */
  readonly generation: string;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * Takes a run from one step as far as it goes without waiting: to the next step that waits for somebody, to a step that cannot be
 * evaluated, or to its end. Steps that have ended already are passed over, and so are those in an arm that was not taken.
 */
export function advance(start: Start): Advance {
  const { workflow, at } = start;
  const ended = new Map(start.steps.filter(hasEnded).map((row) => [row.path, row]));
  const rows: StepRow[] = [];
  const events: Outputs['events'][number][] = [];
  const end = (run: RunRow, waits: Partial<Outputs> = {}): Advance => ({ ...NO_OUTPUTS, ...waits, rows: [run, ...rows], events });
  for (let position = start.from; position < workflow.steps.length; position += 1) {
    const step = workflow.steps[position]!;
    if (ended.has(step.path) || !isOnTheWay(step, ended)) continue;
    const { row, event, waits } = takeStep(step, reachedStep(step, position, start), [...ended.values()], start);
    rows.push(row);
    if (event !== undefined) events.push(event);
    if (row.status === 'failed') return end(failedRun(start.run, workflow.version, row.error, at));
    if (row.status === 'waiting') {
      const isLong = waits?.timers !== undefined && start.event.kind === 'read';
      const waiting = end({ ...start.run, version: workflow.version, status: 'running', endedAt: null, error: null }, waits);
      return isLong
        ? { ...waiting, rows: [...waiting.rows, { kind: 'kept-event', run: start.run.id, event: start.event.event }] }
        : waiting;
    }
    ended.set(step.path, row);
  }
  return end({ ...start.run, version: workflow.version, status: 'done', endedAt: at, error: null });
}

/** The run, standing at a step that failed. The step has the whole error. */
export function failedRun(run: RunRow, version: number, error: StepError | null, at: string): RunRow {
  return { ...run, version, status: 'failed', endedAt: at, error: error === null ? null : withoutDetail(error) };
}

/** A step in a branch is, where its arm was taken. */
function isOnTheWay({ within }: CompiledStep, ended: ReadonlyMap<string, StepRow>): boolean {
  if (within === undefined) return true;
  const output = ended.get(within.branch)?.output;
  return typeof output === 'object' && output !== null && 'taken' in output && output.taken === within.arm;
}

function withoutDetail({ reason, because, place }: StepError): StepError {
  return { reason, because, ...(place === undefined ? {} : { place }) };
}
