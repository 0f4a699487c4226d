import type { ActorContext, ActorDefinition, ActorLog } from '../../lib/actor/define-actor.ts';
import { defineActor } from '../../lib/actor/define-actor.ts';
import { exponential } from '../../lib/actor/retry-policy.ts';
import type { Verdict } from '../../lib/actor/verdict.ts';
import { done, reject } from '../../lib/actor/verdict.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import type { EventReading } from '../../lib/workflow/advance.ts';
import { cancelTurn } from '../../lib/workflow/cancel-turn.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import { eventTurn } from '../../lib/workflow/event-turn.ts';
import type { StepResult } from '../../lib/workflow/result-turn.ts';
import { needsEvent, resultTurn } from '../../lib/workflow/result-turn.ts';
import type { StepRetry } from '../../lib/workflow/retry-turn.ts';
import { retryTurn } from '../../lib/workflow/retry-turn.ts';
import type { RunReader } from '../../lib/workflow/run-reader.ts';
import { eventScope } from '../../lib/workflow/scope.ts';
import type { RunState, Turn } from '../../lib/workflow/turn.ts';
import { skipped } from '../../lib/workflow/turn.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { createTypeLimiter } from '../../streams/type-limiter.ts';
import type { ReadMessage } from './event-cache.ts';
import { EventCache } from './event-cache.ts';
import { commandMessage, eventMessage, timerMessage, type TypeLimiter } from './output-message.ts';
import { WorkflowCache } from './workflow-cache.ts';
import type { WorkflowInput } from './workflow-input.ts';
import { workflowInput } from './workflow-input.ts';

export interface WorkflowActorOptions {
  readonly reader: RunReader;
  readonly readMessage: ReadMessage;
  readonly clock: Clock;
  readonly log: ActorLog;
}

/**
 * The workflow actor: reads what a turn needs, lets the engine decide, records its rows and emits its commands. It relies on the
 * runtime for two things: the next message of a key starts after the last one's turn is settled, and what is emitted is published
 * only then. So a run is always read as the last turn left it.
 */
export function createWorkflowActor(options: WorkflowActorOptions): ActorDefinition<WorkflowInput> {
  const { reader, clock } = options;
  const workflows = new WorkflowCache(reader, clock, options.log);
  const events = new EventCache(options.readMessage);
  const limitType = createTypeLimiter();

  async function takeEvent(event: WorkflowEvent, at: string): Promise<Turn> {
    const [enabled, existing] = await Promise.all([workflows.enabled(), reader.runsOfEvent(event.id)]);
    const states = await statesOf(event, existing);
    let turn = eventTurn({ event, workflows: enabled, existing, states, at });
    // Before an event is nobody's, it is asked for once more: a workflow may have been saved just before it came.
    if (isUnrouted(turn)) turn = eventTurn({ event, workflows: await workflows.refresh(), existing, states, at });
    if (turn.kind === 'recorded' && turn.commands.length > 0) events.keep(event);
    return turn;
  }

  /** A repetition takes over what the steps of the last run had given. */
  async function statesOf({ replay }: WorkflowEvent, existing: ReadonlySet<string>): Promise<RunState[]> {
    if (replay === undefined || replay.repeat.length === 0) return [];
    return (await Promise.all([...existing].map((id) => reader.run(id)))).filter((state) => state !== undefined);
  }

  async function takeResult(result: StepResult, at: string): Promise<Turn> {
    const state = await reader.run(result.run);
    if (state === undefined) return skipped(result.messageId, `there is no run ${result.run}`, at);
    const workflow = await workflows.version(state.run.workflow, state.run.version);
    if (workflow === undefined)
      throw new Error(`run ${result.run} has version ${state.run.version} of workflow ${state.run.workflow}, which is not stored`);
    const isNeeded = needsEvent(result, state, workflow);
    // Where another run of the event is still under way it is read from the log once more.
    if (!isNeeded) events.forget(state.run.eventStream, state.run.eventSeq);
    return resultTurn({ result, state, workflow, event: isNeeded ? await readEvent(state) : NOT_NEEDED, at });
  }

  async function takeRetry(retry: StepRetry, at: string): Promise<Turn> {
    const [state, workflow] = await Promise.all([reader.run(retry.run), workflows.version(retry.workflow, retry.version)]);
    return retryTurn({ retry, state, workflow, event: state === undefined ? NOT_NEEDED : await readEvent(state), at });
  }

  async function readEvent({ run }: RunState): Promise<EventReading> {
    const event = (await events.find(run.eventStream, run.eventSeq)) ?? (await reader.keptEvent(run.id));
    if (event !== undefined) return { kind: 'read', scope: eventScope(event), event };
    const because = `the log does not have ${run.eventStream}:${run.eventSeq} any more`;
    return { kind: 'lost', error: { reason: 'expired', because } };
  }

  return defineActor<WorkflowInput>({
    ...WORKFLOW_LANES,
    start: 'beginning',
    // Turns wait for the store only; more at once would not be more per second.
    slots: 64,
    input: workflowInput,
    // What fails here is a read of the store or of the log, and comes back: about 20 minutes of trying.
    retry: exponential({ attempts: 50, baseMs: 100, maxMs: 60_000 }),
    // Longer than the store's own limit for one statement, twice.
    timeoutMs: 30_000,
    async receive(input, context) {
      const at = new Date(clock.now()).toISOString();
      switch (input.kind) {
        case 'event':
          return apply(await takeEvent(input.event, at), context, limitType);
        case 'result':
          return apply(await takeResult(input.result, at), context, limitType);
        case 'retry':
          return apply(await takeRetry(input.retry, at), context, limitType);
        case 'cancel':
          return apply(cancelTurn({ cancel: input.cancel, state: await reader.run(input.cancel.run), at }), context, limitType);
      }
    },
  });
}

function isUnrouted(turn: Turn): boolean {
  return turn.kind === 'recorded' && turn.rows.some((row) => row.kind === 'event' && row.fate === 'unrouted');
}

/** A turn that reaches no further step reads nothing of the event. */
const NOT_NEEDED: EventReading = { kind: 'lost', error: { reason: 'expired', because: 'the event was not read' } };

function apply(turn: Turn, context: ActorContext, limitType: TypeLimiter): Verdict {
  if (turn.kind === 'rejected') return reject('invalid', turn.because, turn.detail);
  for (const row of turn.rows) context.record(row);
  const traceparent = context.message.headers[HEADERS.traceparent];
  for (const command of turn.commands) context.emit(commandMessage(command, traceparent));
  for (const timer of turn.timers) context.emit(timerMessage(timer, traceparent));
  for (const event of turn.events) context.emit(eventMessage(event, traceparent, limitType));
  return done();
}
