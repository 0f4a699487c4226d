import type { Start } from './advance.ts';
import type { CompiledStep, StepWork } from './compile.ts';
import { isObject } from './definition.ts';
import { delayEnd } from './delay.ts';
import { emittedEvent } from './emitted-event.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { StepRow } from './row.ts';
import { replayedStep } from './run-replay.ts';
import type { Scope, StepScope } from './scope.ts';
import { doneStep, evaluationError, failedStep, skippedStep } from './step-row.ts';
import type { Outputs, WorkflowEmit } from './turn.ts';

export interface TakenStep {
  readonly row: StepRow;
  /** What the step waits for: a command's result, or a time. */
  readonly waits?: Partial<Pick<Outputs, 'commands' | 'timers'>>;
  readonly event?: WorkflowEmit;
}

/** What becomes of a step that is reached. `row` is the step as it is until then. */
export function takeStep(step: CompiledStep, row: StepRow, ended: readonly StepRow[], start: Start): TakenStep {
  if (start.event.kind === 'lost') return { row: failedStep(row, start.event.error, start.at) };
  const replayed = replayedStep(step, row, start.run.replay, start.at);
  if (replayed !== undefined) return { row: replayed };
  const scope = { event: start.event.scope, steps: stepScopes(ended) };
  try {
    if (step.condition !== undefined && !step.condition.holds(scope))
      return { row: skippedStep(row, `its if does not hold: ${step.condition.text}`, start.at) };
    return work(step.work, row, scope, { ...start, hops: start.event.event.hops });
  } catch (error) {
    if (!(error instanceof EvaluationFailed)) throw error;
    return { row: failedStep(row, evaluationError(error), start.at) };
  }
}

function work(kind: StepWork, row: StepRow, scope: Scope, { run, at, hops }: Start & { hops: number }): TakenStep {
  switch (kind.kind) {
    case 'command': {
      const body = { ...fieldsOf(kind.with.render(scope)), onUnknown: kind.onUnknown };
      const { id, eventId: event, key, priority, replay } = run;
      const divertTo = replay?.divertTo ?? [];
      const command = {
        id: row.commandId,
        actor: kind.actor,
        type: row.type,
        event,
        run: id,
        step: row.path,
        key,
        priority,
        body,
        ...(divertTo.length === 0 ? {} : { divertTo }),
      };
      return { row, waits: { commands: [command] } };
    }
    case 'emit': {
      const event = emittedEvent(fieldsOf(kind.with.render(scope)), { row, run, at, hops, place: kind.place });
      return { row: doneStep(row, { id: event.id, type: event.type, key: event.key }, at), event };
    }
    case 'delay': {
      const dueAt = delayEnd(fieldsOf(kind.with.render(scope)), at, kind.place);
      const { id, eventId: event, key, priority } = run;
      const timer = { id: row.commandId, event, run: id, step: row.path, key, priority, dueAt };
      return { row: { ...row, dueAt }, waits: { timers: [timer] } };
    }
    case 'branch': {
      const taken = kind.arms.find(({ condition }) => condition.holds(scope))?.name ?? (kind.hasElse ? 'else' : null);
      return { row: doneStep(row, { taken }, at) };
    }
  }
}

/** By id: the last part of the path. */
function stepScopes(ended: readonly StepRow[]): Record<string, StepScope> {
  return Object.fromEntries(
    ended.map(({ path, status, output }) => [
      path.slice(path.lastIndexOf('.') + 1),
      { status: status === 'skipped' ? 'skipped' : 'done', output },
    ]),
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
