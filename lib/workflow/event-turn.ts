import { runId } from '../core/identity.ts';
import { advance, failedRun } from './advance.ts';
import type { Advance } from './advance.ts';
import type { CompiledWorkflow } from './compile.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { WorkflowEvent } from './event.ts';
import type { EventRow, OutcomeRow, RunRow } from './row.ts';
import { replayGeneration, replayOf, type RunReplay } from './run-replay.ts';
import { eventScope } from './scope.ts';
import type { EventScope } from './scope.ts';
import { evaluationError, failedStep, reachedStep } from './step-row.ts';
import type { RunState, Turn } from './turn.ts';
import { NO_OUTPUTS, WORKFLOW_ACTOR } from './turn.ts';

export interface EventInput {
  readonly event: WorkflowEvent;
  readonly workflows: readonly CompiledWorkflow[];
  /** The runs that this event has opened already. */
  readonly existing: ReadonlySet<string>;
  /** The same with their steps. Only where a replay repeats effects. (Default: none) */
  readonly states?: readonly RunState[];
  /** RFC 3339. */
  readonly at: string;
}

/**
 * The turn on an event: opens a run of every workflow that wants it and has none on it yet.
 *
 * 1. One workflow that cannot be evaluated stops no other: its run is opened and stands `failed` at the step (at its first
 *    one where the trigger's condition is what failed), so that it is seen and can go on once the workflow is mended.
 * 2. A body that is not JSON can be read by no workflow: the event is a dead letter, and nothing is recorded.
 * 3. An event that has opened a run before opens none of the same workflow again, but for a replay that repeats effects: that one opens
 *    a run of its own generation, once, where the last one has ended; other steps are in it what they were in the last one.
 */
export function eventTurn({ event, workflows, existing, states = [], at }: EventInput): Turn {
  const wanting = workflows.filter((workflow) => matches(workflow, event));
  const replays = new Map(wanting.map((workflow) => [workflow, replayFor(workflow, event, states)]));
  const fresh = wanting.filter((workflow) => !existing.has(idOf(workflow, event, replays.get(workflow))));
  if (fresh.length === 0) return existing.size > 0 ? duplicate(event, existing, at) : unrouted(event, unwanted(event), at);

  const scope = parse(event);
  if (scope instanceof Error)
    return {
      kind: 'rejected',
      because: 'the body is not JSON, which the workflows that want it read',
      detail: { place: 'event.data', expected: 'JSON in UTF-8', got: scope.message, workflows: fresh.map(({ name }) => name) },
    };

  const opened = fresh.flatMap((workflow) => openRun(workflow, event, scope, replays.get(workflow), at) ?? []);
  if (opened.length === 0) {
    if (existing.size > 0) return duplicate(event, existing, at);
    return unrouted(event, `no condition holds: ${fresh.map(({ name }) => name).join(', ')}`, at);
  }
  return {
    kind: 'recorded',
    rows: [eventRow(event, 'routed'), ...opened.flatMap(({ rows }) => rows)],
    commands: opened.flatMap(({ commands }) => commands),
    events: opened.flatMap(({ events }) => events),
    timers: opened.flatMap(({ timers }) => timers),
  };
}

/** What a repetition takes over; undefined where this is none, or there is nothing that has ended. */
function replayFor({ name }: CompiledWorkflow, { replay }: WorkflowEvent, states: readonly RunState[]): RunReplay | undefined {
  if (replay === undefined || replay.repeat.length === 0) return undefined;
  const runs = states.filter(({ run }) => run.workflow === name && run.replay?.id !== replay.id);
  const last = runs.toSorted((a, b) => (a.run.startedAt < b.run.startedAt ? -1 : 1)).at(-1);
  return last === undefined || last.run.status === 'running' ? undefined : replayOf(replay, last);
}

function idOf({ name }: CompiledWorkflow, { id }: WorkflowEvent, replay: RunReplay | undefined): string {
  return runId(name, id, replay === undefined ? '' : replayGeneration(replay));
}

function matches(workflow: CompiledWorkflow, event: WorkflowEvent): boolean {
  if (event.onlyFor !== null) return workflow.name === event.onlyFor;
  return workflow.events.includes(event.type) && (workflow.source === undefined || workflow.source === event.source);
}

/** Undefined where the trigger's condition does not hold. */
function openRun(
  workflow: CompiledWorkflow,
  event: WorkflowEvent,
  scope: EventScope,
  replay: RunReplay | undefined,
  at: string,
): Advance | undefined {
  const run = newRun(workflow, event, replay, at);
  const start = { run, steps: [], workflow, event: { kind: 'read', scope, event }, from: 0, generation: '', at } as const;
  try {
    if (event.onlyFor === null && workflow.condition !== undefined && !workflow.condition.holds({ event: scope, steps: {} }))
      return undefined;
  } catch (error) {
    if (!(error instanceof EvaluationFailed)) throw error;
    const step = failedStep(reachedStep(workflow.steps[0]!, 0, start), evaluationError(error), at);
    return { rows: [failedRun(run, workflow.version, step.error, at), step], ...NO_OUTPUTS };
  }
  return advance(start);
}

function newRun(workflow: CompiledWorkflow, event: WorkflowEvent, replay: RunReplay | undefined, at: string): RunRow {
  const { id: eventId, stream: eventStream, seq: eventSeq, key, priority } = event;
  return {
    kind: 'run',
    id: idOf(workflow, event, replay),
    workflow: workflow.name,
    version: workflow.version,
    eventId,
    eventStream,
    eventSeq,
    key,
    priority,
    status: 'running',
    startedAt: at,
    endedAt: null,
    error: null,
    ...(replay === undefined ? {} : { replay }),
  };
}

function parse(event: WorkflowEvent): EventScope | Error {
  try {
    return eventScope(event);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return error;
    throw error;
  }
}

function unwanted({ source, type, onlyFor }: WorkflowEvent): string {
  return onlyFor !== null ? `workflow ${onlyFor} is not enabled` : `no workflow wants ${type} of ${source}`;
}

function unrouted(event: WorkflowEvent, reason: string, at: string): Turn {
  return { kind: 'recorded', rows: [eventRow(event, 'unrouted'), outcomeRow(event, 'unrouted', reason, at)], ...NO_OUTPUTS };
}

function duplicate(event: WorkflowEvent, existing: ReadonlySet<string>, at: string): Turn {
  // Replayed it has found what it led to, and that is the point.
  if (event.replay !== undefined) return { kind: 'recorded', rows: [], ...NO_OUTPUTS };
  const reason = `duplicate: ${[...existing].join(', ')}`;
  return { kind: 'recorded', rows: [eventRow(event, 'duplicate'), outcomeRow(event, 'skipped', reason, at)], ...NO_OUTPUTS };
}

function outcomeRow(event: WorkflowEvent, outcome: OutcomeRow['outcome'], reason: string, at: string): OutcomeRow {
  return { kind: 'outcome', messageId: event.id, actor: WORKFLOW_ACTOR, outcome, reason, at };
}

function eventRow(event: WorkflowEvent, fate: EventRow['fate']): EventRow {
  const { id, stream, seq, source, type, key, priority, receivedAt, body } = event;
  return { kind: 'event', id, stream, seq, source, type, key, priority, receivedAt, size: body.byteLength, fate };
}
