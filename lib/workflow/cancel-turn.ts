import type { StepRow } from './row.ts';
import type { RunState, Turn } from './turn.ts';
import { NO_OUTPUTS, skipped } from './turn.ts';

/** A person ends a run. */
export interface RunCancel {
  readonly messageId: string;
  readonly run: string;
}

export interface CancelInput {
  readonly cancel: RunCancel;
  readonly state: RunState | undefined;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * The turn on a person's cancelling: the run ends where it stands. A command that is under way may still happen; its result
 * changes nothing any more. A run that has ended stays as it is.
 */
export function cancelTurn({ cancel, state, at }: CancelInput): Turn {
  if (state === undefined) return skipped(cancel.messageId, `there is no run ${cancel.run}`, at);
  const { run, steps } = state;
  if (run.status === 'done' || run.status === 'cancelled') return skipped(cancel.messageId, `run ${run.id} is ${run.status} already`, at);
  const waiting = steps.filter(({ status }) => status === 'waiting');
  const ended = waiting.map((step): StepRow => ({ ...step, status: 'cancelled', reason: 'its run was cancelled', endedAt: at }));
  return { kind: 'recorded', rows: [{ ...run, status: 'cancelled', endedAt: at }, ...ended], ...NO_OUTPUTS };
}
