import type { Priority } from '../core/priority.ts';
import type { OutcomeRow, RunRow, StepRow, WorkflowRow } from './row.ts';

/**
 * What one message leads to, as values: nothing is read and nothing is written here. `recorded` is settled together with the
 * message; `rejected` makes it a dead letter `invalid`, and nothing of it is recorded.
 */
export type Turn =
  | ({ readonly kind: 'recorded'; readonly rows: readonly WorkflowRow[] } & Outputs)
  | { readonly kind: 'rejected'; readonly because: string; readonly detail: unknown };

/** What is published once the turn is settled. */
export interface Outputs {
  readonly commands: readonly WorkflowCommand[];
  readonly events: readonly WorkflowEmit[];
  readonly timers: readonly WorkflowTimer[];
}

/** Of a turn that only records. */
export const NO_OUTPUTS: Outputs = { commands: [], events: [], timers: [] };

/** Work that a run asks of an actor. */
export interface WorkflowCommand {
  /** `<run>/<step>[#<generation>]`: the same turn makes the same id after any crash. */
  readonly id: string;
  readonly actor: string;
  /** `slack.send`, ... */
  readonly type: string;
  /** The event that its run is about. */
  readonly event: string;
  readonly run: string;
  readonly step: string;
  /** The event's. */
  readonly key: string;
  readonly priority: Priority;
  /** JSON: the rendered `with` and `onUnknown`. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Where its effect goes instead of to its recipient. (Default: to its recipient) */
  readonly divertTo?: readonly string[];
}

/** The step goes on by itself when the time is there. */
export interface WorkflowTimer {
  /** `<run>/<step>[#<generation>]`: the step's command id. */
  readonly id: string;
  readonly event: string;
  readonly run: string;
  readonly step: string;
  readonly key: string;
  readonly priority: Priority;
  /** RFC 3339. */
  readonly dueAt: string;
}

/** A new event that a run adds to the log. */
export interface WorkflowEmit {
  /** `<run>/<step>[#<generation>]` */
  readonly id: string;
  readonly workflow: string;
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
  /** RFC 3339. */
  readonly time: string;
  /** Emits since the event that came from outside, this one included. */
  readonly hops: number;
  /** JSON. */
  readonly body: Uint8Array;
}

/** Where a run stands. */
export interface RunState {
  readonly run: RunRow;
  /** The steps that it has reached. */
  readonly steps: readonly StepRow[];
}

export const WORKFLOW_ACTOR = 'workflow';

/** A turn that changes nothing, and says why. */
export function skipped(messageId: string, reason: string, at: string): Turn {
  const row: OutcomeRow = { kind: 'outcome', messageId, actor: WORKFLOW_ACTOR, outcome: 'skipped', reason, at };
  return { kind: 'recorded', rows: [row], ...NO_OUTPUTS };
}
