import type { Priority } from '../core/priority.ts';
import type { WorkflowEvent } from './event.ts';
import type { RunReplay } from './run-replay.ts';

/**
 * What the workflow actor records. The store writes these rows in the transaction that settles the message they come from, so an
 * event, its runs and their steps are never ahead of or behind the lane's progress. All times are RFC 3339 in UTC.
 */
export type WorkflowRow = EventRow | OutcomeRow | RunRow | StepRow | KeptEventRow;

/** The projection of one event of the log. The first one written for an id stays. */
export interface EventRow {
  readonly kind: 'event';
  readonly id: string;
  readonly stream: string;
  readonly seq: number;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
  readonly receivedAt: string;
  /** Bytes of the body. */
  readonly size: number;
  /**
   * - `routed`: it opened at least one run
   * - `unrouted`: no workflow wants it
   * - `duplicate`: everything that wants it has its run already
   */
  readonly fate: 'routed' | 'unrouted' | 'duplicate';
}

/** A message that was settled without a run: nothing was to be done, and why, or an actor of a user's own has handled it. */
export interface OutcomeRow {
  readonly kind: 'outcome';
  readonly messageId: string;
  readonly actor: string;
  readonly outcome: 'unrouted' | 'skipped' | 'handled';
  readonly reason: string;
  readonly at: string;
}

/** One run of one workflow on one event. Replaced as a whole, by id. */
export interface RunRow {
  readonly kind: 'run';
  readonly id: string;
  readonly workflow: string;
  /** The version that it began with, or that a person let it go on with. */
  readonly version: number;
  readonly eventId: string;
  readonly eventStream: string;
  readonly eventSeq: number;
  readonly key: string;
  readonly priority: Priority;
  /**
   * `failed` is not an end: the run stands at its failed step and goes on when that step succeeds after all. `cancelled` is one, by
   * a person.
   */
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: StepError | null;
  /** Null or missing: it is no repetition. */
  readonly replay?: RunReplay | null;
}

/** One step of a run. Replaced as a whole, by run and path. A step that was not reached has no row. */
export interface StepRow {
  readonly kind: 'step';
  readonly run: string;
  /** The step's id in the workflow. */
  readonly path: string;
  /** From 0, in the workflow's order. */
  readonly position: number;
  /** `slack.send`, ... */
  readonly type: string;
  /** `skipped`: its `if` was false. `cancelled`: it waited when its run was cancelled. */
  readonly status: 'waiting' | 'done' | 'failed' | 'skipped' | 'cancelled';
  /** The command that does its work; also where no command was sent because it could not be rendered. */
  readonly commandId: string;
  /** '' for the first time; a person's retry has its own. */
  readonly generation: string;
  /** The workflow's version that the step was rendered with. */
  readonly version: number;
  /** Why it was skipped or cancelled, for people; null where it was not. */
  readonly reason: string | null;
  /** JSON: what the step's actor gave back. */
  readonly output: unknown;
  readonly error: StepError | null;
  readonly deadLetterId: string | null;
  readonly startedAt: string;
  /** When a delay ends; null for every other step. */
  readonly dueAt: string | null;
  readonly endedAt: string | null;
}

/** The event of a run that may go on when the log does not have it any more. The first one stays; it goes when the run has ended. */
export interface KeptEventRow {
  readonly kind: 'kept-event';
  readonly run: string;
  readonly event: WorkflowEvent;
}

/** Why a step failed; JSON. */
export interface StepError {
  /** A dead letter's reason (see lib/actor/verdict.ts), or `invalid` where the workflow itself could not be evaluated. */
  readonly reason: string;
  readonly because: string;
  /** Where in the workflow: `steps[0].with.text`, `on.if`. Only where the workflow itself could not be evaluated. */
  readonly place?: string;
  readonly detail?: unknown;
}
