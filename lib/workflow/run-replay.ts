import type { CompiledStep } from './compile.ts';
import type { StepRow } from './row.ts';
import { doneStep, skippedStep } from './step-row.ts';
import type { RunState } from './turn.ts';

/** What a replay asks: the effects of these actors once more, and where they go instead of to their recipients. */
export interface ReplayRequest {
  readonly id: string;
  readonly repeat: readonly string[];
  /** Empty: to their own recipients. */
  readonly divertTo: readonly string[];
}

/** Of a run that repeats the steps of another: what the other steps had given, by their paths. */
export interface RunReplay extends ReplayRequest {
  readonly recorded: Readonly<Record<string, Pick<StepRow, 'output' | 'reason'> & { readonly status: 'done' | 'skipped' }>>;
}

/** What a run that repeats takes over from the last one. */
export function replayOf(request: ReplayRequest, { steps }: RunState): RunReplay {
  const ended = steps.flatMap(({ path, status, output, reason }) =>
    status === 'done' || status === 'skipped' ? [[path, { status, output, reason }] as const] : [],
  );
  return { ...request, recorded: Object.fromEntries(ended) };
}

/** The generation of the runs that a replay opens. */
export function replayGeneration({ id }: ReplayRequest): string {
  return `#${id}`;
}

/**
 * What becomes of a step that is not repeated: what it was. One that the last run had not done is not begun by a replay of others.
 * Undefined where the step runs.
 */
export function replayedStep(step: CompiledStep, row: StepRow, replay: RunReplay | null | undefined, at: string): StepRow | undefined {
  if (replay === null || replay === undefined) return undefined;
  if (step.work.kind === 'command' && replay.repeat.includes(step.work.actor)) return undefined;
  const recorded = replay.recorded[step.path];
  if (recorded?.status === 'done') return doneStep(row, recorded.output, at);
  if (recorded !== undefined) return skippedStep(row, recorded.reason ?? 'it was skipped before', at);
  // Which way to go is no effect.
  return step.work.kind === 'branch'
    ? undefined
    : skippedStep(row, `replay ${replay.id} does not repeat it, and the run before had not done it`, at);
}
