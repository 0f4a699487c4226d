import { advance, failedRun } from './advance.ts';
import type { EventReading, Start } from './advance.ts';
import type { CompiledWorkflow } from './compile.ts';
import { TRIGGER_CONDITION } from './compile.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import { evaluationError, failedStep, reachedStep, skippedStep } from './step-row.ts';
import type { RunState, Turn } from './turn.ts';
import { NO_OUTPUTS, skipped } from './turn.ts';

/** A person lets a failed step run again, with a version of the workflow that is mended. */
export interface StepRetry {
  readonly messageId: string;
  readonly run: string;
  readonly step: string;
  /** Makes the command's id a new one; not empty. */
  readonly generation: string;
  readonly workflow: string;
  readonly version: number;
}

export interface RetryInput {
  readonly retry: StepRetry;
  readonly state: RunState | undefined;
  /** The version that the retry names; undefined where there is none. */
  readonly workflow: CompiledWorkflow | undefined;
  readonly event: EventReading;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * The turn on a person's retry: the step where the run stands failed is rendered with the version that the retry names, and the
 * run goes on with that version. Steps that have ended stay as they are. Where the run does not stand failed at that step,
 * nothing happens, and the outcome says why.
 */
export function retryTurn({ retry, state, workflow, event, at }: RetryInput): Turn {
  const reason = refusal(retry, state, workflow);
  if (reason !== undefined || state === undefined || workflow === undefined)
    return skipped(retry.messageId, reason ?? 'nothing to retry', at);
  const from = workflow.steps.findIndex(({ path }) => path === retry.step);
  const start: Start = { run: state.run, steps: state.steps, workflow, event, from, generation: retry.generation, at };
  return triggerTurn(start, state) ?? { kind: 'recorded', ...advance(start) };
}

/**
 * A run whose trigger's condition could not be evaluated has to pass it first. Undefined where it holds, or held when the run
 * was opened.
 */
function triggerTurn(start: Start, { run, steps }: RunState): Turn | undefined {
  const { workflow, event, at } = start;
  const stood = steps.find(({ path }) => path === workflow.steps[start.from]!.path);
  if (stood?.error?.place !== TRIGGER_CONDITION || workflow.condition === undefined || event.kind === 'lost') return undefined;
  const row = reachedStep(workflow.steps[start.from]!, start.from, start);
  try {
    if (workflow.condition.holds({ event: event.scope, steps: {} })) return undefined;
  } catch (error) {
    if (!(error instanceof EvaluationFailed)) throw error;
    const failed = failedStep(row, evaluationError(error), at);
    return { kind: 'recorded', rows: [failedRun(run, workflow.version, failed.error, at), failed], ...NO_OUTPUTS };
  }
  const done = { ...run, version: workflow.version, status: 'done', endedAt: at, error: null } as const;
  return {
    kind: 'recorded',
    rows: [done, skippedStep(row, `the condition of the trigger does not hold: ${workflow.condition.text}`, at)],
    ...NO_OUTPUTS,
  };
}

function refusal(retry: StepRetry, state: RunState | undefined, workflow: CompiledWorkflow | undefined): string | undefined {
  if (state === undefined) return `there is no run ${retry.run}`;
  const { run, steps } = state;
  if (run.status === 'cancelled') return `run ${run.id} is cancelled`;
  if (run.workflow !== retry.workflow) return `run ${run.id} is of workflow ${run.workflow}, not ${retry.workflow}`;
  const step = steps.find(({ path }) => path === retry.step);
  if (step === undefined) return `run ${run.id} has not reached a step ${retry.step}`;
  if (step.generation === retry.generation) return `step ${step.path} of run ${run.id} is in generation ${retry.generation} already`;
  if (run.status !== 'failed' || step.status !== 'failed') return `step ${step.path} of run ${run.id} is ${step.status}, not failed`;
  if (workflow === undefined) return `workflow ${retry.workflow} has no version ${retry.version}`;
  return workflow.steps.some(({ path }) => path === retry.step)
    ? undefined
    : `version ${retry.version} of workflow ${retry.workflow} has no step ${retry.step}`;
}
