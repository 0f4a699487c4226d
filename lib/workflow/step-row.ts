import { commandId } from '../core/identity.ts';
import type { Start } from './advance.ts';
import type { CompiledStep } from './compile.ts';
import type { EvaluationFailed } from './evaluation-failed.ts';
import type { StepError, StepRow } from './row.ts';

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
    path: step.path,
    position,
    type: step.uses,
    status: 'waiting',
    commandId: commandId(start.run.id, step.path, generation),
    generation,
    version: start.workflow.version,
    reason: null,
    output: null,
    error: null,
    deadLetterId: null,
    startedAt: start.at,
    dueAt: null,
    endedAt: null,
  };
}

export function failedStep(row: StepRow, error: StepError, at: string): StepRow {
  return { ...row, status: 'failed', error, endedAt: at };
}

export function doneStep(row: StepRow, output: unknown, at: string): StepRow {
  return { ...row, status: 'done', output, error: null, deadLetterId: null, endedAt: at };
}

export function skippedStep(row: StepRow, reason: string, at: string): StepRow {
  return { ...row, status: 'skipped', reason, endedAt: at };
}

export function evaluationError(error: EvaluationFailed): StepError {
  return { reason: 'invalid', because: error.message, place: error.place };
}
