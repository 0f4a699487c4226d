import { commandId } from '../core/identity.ts';
import type { CompiledStep, CompiledWorkflow } from './compile.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { RunRow, StepError, StepRow } from './row.ts';
import type { EventScope, StepScope } from './scope.ts';
import type { WorkflowCommand } from './turn.ts';

/** The event as a run sees it; `lost` where its body cannot be read any more. */
export type EventReading = { readonly kind: 'read'; readonly scope: EventScope } | { readonly kind: 'lost'; readonly error: StepError };

export interface Advance {
  readonly rows: readonly (RunRow | StepRow)[];
  readonly commands: readonly WorkflowCommand[];
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
 * Takes a run from one step as far as it goes without waiting: to the next step that has work to do, to a step that cannot be
 * evaluated, or to its end. Steps that have ended already are passed over.
 */
export function advance(start: Start): Advance {
  const { workflow, at } = start;
  const ended = new Map(start.steps.filter(hasEnded).map((row) => [row.path, row]));
  const rows: StepRow[] = [];
  for (let position = start.from; position < workflow.steps.length; position += 1) {
    const step = workflow.steps[position]!;
    if (ended.has(step.id)) continue;
    const { row, command } = takeStep(step, position, [...ended.values()], start);
    rows.push(row);
    if (row.status === 'skipped') ended.set(step.id, row);
    else if (row.status === 'failed') return { rows: [failedRun(start.run, workflow.version, row.error, at), ...rows], commands: [] };
    else
      return {
        rows: [{ ...start.run, version: workflow.version, status: 'running', endedAt: null, error: null }, ...rows],
        commands: command,
      };
  }
  return { rows: [{ ...start.run, version: workflow.version, status: 'done', endedAt: at, error: null }, ...rows], commands: [] };
}

/** The run, standing at a step that failed. The step has the whole error. */
export function failedRun(run: RunRow, version: number, error: StepError | null, at: string): RunRow {
  return { ...run, version, status: 'failed', endedAt: at, error: error === null ? null : withoutDetail(error) };
}

export function hasEnded(row: StepRow): boolean {
  return row.status === 'done' || row.status === 'skipped';
}

/** A step as it is when it is reached, before it is known what becomes of it. */
export function reachedStep(
  step: CompiledStep,
  position: number,
  start: Pick<Start, 'run' | 'workflow' | 'from' | 'generation' | 'at'>,
): StepRow {
  const generation = position === start.from ? start.generation : '';
  return {
    kind: 'step',
    run: start.run.id,
    path: step.id,
    position,
    type: step.uses,
    status: 'waiting',
    commandId: commandId(start.run.id, step.id, generation),
    generation,
    version: start.workflow.version,
    reason: null,
    output: null,
    error: null,
    deadLetterId: null,
    startedAt: start.at,
    endedAt: null,
  };
}

function takeStep(
  step: CompiledStep,
  position: number,
  ended: readonly StepRow[],
  start: Start,
): { row: StepRow; command: WorkflowCommand[] } {
  const row = reachedStep(step, position, start);
  if (start.event.kind === 'lost') return { row: failedStep(row, start.event.error, start.at), command: [] };
  const scope = { event: start.event.scope, steps: stepScopes(ended) };
  try {
    if (step.condition !== undefined && !step.condition.holds(scope))
      return { row: skippedStep(row, `its if does not hold: ${step.condition.text}`, start.at), command: [] };
    const body = { ...asRecord(step.with.render(scope)), onUnknown: step.onUnknown };
    const { id: run, eventId: event, key, priority } = start.run;
    return { row, command: [{ id: row.commandId, actor: step.actor, type: step.uses, event, run, step: step.id, key, priority, body }] };
  } catch (error) {
    if (!(error instanceof EvaluationFailed)) throw error;
    return { row: failedStep(row, evaluationError(error), start.at), command: [] };
  }
}

export function failedStep(row: StepRow, error: StepError, at: string): StepRow {
  return { ...row, status: 'failed', error, endedAt: at };
}

export function skippedStep(row: StepRow, reason: string, at: string): StepRow {
  return { ...row, status: 'skipped', reason, endedAt: at };
}

export function evaluationError(error: EvaluationFailed): StepError {
  return { reason: 'invalid', because: error.message, place: error.place };
}

function stepScopes(ended: readonly StepRow[]): Record<string, StepScope> {
  return Object.fromEntries(ended.map((row) => [row.path, { status: row.status === 'skipped' ? 'skipped' : 'done', output: row.output }]));
}

function withoutDetail({ reason, because, place }: StepError): StepError {
  return { reason, because, ...(place === undefined ? {} : { place }) };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
