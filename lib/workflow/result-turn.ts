import { commandId } from '../core/identity.ts';
import { advance, failedRun } from './advance.ts';
import type { EventReading } from './advance.ts';
import type { CompiledWorkflow } from './compile.ts';
import type { RunRow, StepError, StepRow } from './row.ts';
import { doneStep, failedStep, hasEnded } from './step-row.ts';
import type { RunState, Turn } from './turn.ts';
import { NO_OUTPUTS, skipped } from './turn.ts';

/** What an actor says about a command of a run. */
export type StepResult = {
  readonly messageId: string;
  readonly run: string;
  readonly step: string;
  /** The command's id. */
  readonly command: string;
} & (
  | { readonly kind: 'succeeded'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: StepError; readonly deadLetterId: string | null }
);

export interface ResultInput {
  readonly result: StepResult;
  /** Undefined where there is no such run. */
  readonly state: RunState | undefined;
  /** The version that the run has. */
  readonly workflow: CompiledWorkflow;
  readonly event: EventReading;
  /** RFC 3339. */
  readonly at: string;
}

/** Whether the turn on this result has to read the event: not where the run ends or stays where it is. */
export function needsEvent(result: StepResult, state: RunState, workflow: CompiledWorkflow): boolean {
  const position = workflow.steps.findIndex((step) => step.path === result.step);
  return result.kind === 'succeeded' && refusal(result, state) === undefined && position < workflow.steps.length - 1;
}

/**
 * The turn on a step's result.
 *
 * 1. A step that has ended stays as it is: a result that comes twice, or late, changes nothing.
 * 2. A success counts whatever command of the step it is of: the work is done. So a failed step goes on when its dead letter
 *    is delivered again and succeeds.
 * 3. A failure counts only of the step's present command: that of an earlier one says nothing about the present one.
 */
export function resultTurn({ result, state, workflow, event, at }: ResultInput): Turn {
  if (state === undefined) return skipped(result.messageId, `there is no run ${result.run}`, at);
  const reason = refusal(result, state);
  if (reason !== undefined) return skipped(result.messageId, reason, at);
  const step = stepOf(result, state)!;
  if (result.kind === 'failed') {
    const row = { ...failedStep(step, result.error, at), deadLetterId: result.deadLetterId };
    return { kind: 'recorded', rows: [failedRun(state.run, state.run.version, result.error, at), row], ...NO_OUTPUTS };
  }
  const row = doneStep(step, result.output, at);
  const steps = [...state.steps.filter(({ path }) => path !== row.path), row];
  const from = workflow.steps.findIndex(({ path }) => path === row.path) + 1;
  const next = advance({ run: state.run, steps, workflow, event, from, generation: '', at });
  // A run that goes on is as it was: of three steps two rows less are written.
  const rows = next.rows.filter((each) => each.kind !== 'run' || !isAsItWas(each, state.run));
  return { kind: 'recorded', ...next, rows: [row, ...rows] };
}

/** Whether nothing changes of what may change in a run. */
function isAsItWas(next: RunRow, before: RunRow): boolean {
  const { version, status, endedAt } = before;
  return next.version === version && next.status === status && next.endedAt === endedAt && next.error === null && before.error === null;
}

/** Why a result changes nothing; undefined where it does. */
function refusal(result: StepResult, state: RunState): string | undefined {
  if (state.run.status === 'cancelled') return `run ${result.run} is cancelled`;
  const step = stepOf(result, state);
  if (step === undefined) return `run ${result.run} has not reached a step ${result.step}`;
  if (hasEnded(step)) return `step ${step.path} of run ${step.run} is ${step.status} already`;
  const first = commandId(step.run, step.path);
  if (result.command !== first && !result.command.startsWith(`${first}#`))
    return `command ${result.command} is not of step ${step.path} of run ${step.run}`;
  if (result.kind !== 'failed') return undefined;
  if (result.command !== step.commandId) return `step ${step.path} of run ${step.run} has been given ${step.commandId} since`;
  return step.status === 'failed' && step.deadLetterId === result.deadLetterId
    ? `step ${step.path} of run ${step.run} is failed already`
    : undefined;
}

function stepOf(result: StepResult, state: RunState): StepRow | undefined {
  return state.steps.find(({ path }) => path === result.step);
}
