import type { ActorContext, ActorDefinition, ActorLog } from '../../lib/actor/define-actor.ts';
import { defineActor } from '../../lib/actor/define-actor.ts';
import type { Emit } from '../../lib/actor/message.ts';
import { exponential } from '../../lib/actor/retry-policy.ts';
import type { Verdict } from '../../lib/actor/verdict.ts';
import { done, reject } from '../../lib/actor/verdict.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { EventReading } from '../../lib/workflow/advance.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import { eventTurn } from '../../lib/workflow/event-turn.ts';
import type { StepResult } from '../../lib/workflow/result-turn.ts';
import { needsEvent, resultTurn } from '../../lib/workflow/result-turn.ts';
import type { StepRetry } from '../../lib/workflow/retry-turn.ts';
import { retryTurn } from '../../lib/workflow/retry-turn.ts';
import type { RunReader } from '../../lib/workflow/run-reader.ts';
import { eventScope } from '../../lib/workflow/scope.ts';
import type { RunState, Turn, WorkflowCommand } from '../../lib/workflow/turn.ts';
import { skipped } from '../../lib/workflow/turn.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { commandSubject } from '../../streams/subjects.ts';
import type { ReadMessage } from './event-cache.ts';
import { EventCache } from './event-cache.ts';
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

  async function takeEvent(event: WorkflowEvent, at: string): Promise<Turn> {
    const [enabled, existing] = await Promise.all([workflows.enabled(), reader.runsOfEvent(event.id)]);
    let turn = eventTurn({ event, workflows: enabled, existing, at });
    // Before an event is nobody's, it is asked for once more: a workflow may have been saved just before it came.
    if (isUnrouted(turn)) turn = eventTurn({ event, workflows: await workflows.refresh(), existing, at });
    if (turn.kind === 'recorded' && turn.commands.length > 0) events.keep(event);
    return turn;
  }

  async function takeResult(result: StepResult, at: string): Promise<Turn> {
    const state = await reader.run(result.run);
    if (state === undefined) return skipped(result.messageId, `there is no run ${result.run}`, at);
    const workflow = await workflows.version(state.run.workflow, state.run.version);
    if (workflow === undefined)
      throw new Error(`run ${result.run} has version ${state.run.version} of workflow ${state.run.workflow}, which is not stored`);
    const event = needsEvent(result, state, workflow) ? await readEvent(state) : NOT_NEEDED;
    return resultTurn({ result, state, workflow, event, at });
  }

  async function takeRetry(retry: StepRetry, at: string): Promise<Turn> {
    const [state, workflow] = await Promise.all([reader.run(retry.run), workflows.version(retry.workflow, retry.version)]);
    return retryTurn({ retry, state, workflow, event: state === undefined ? NOT_NEEDED : await readEvent(state), at });
  }

  async function readEvent({ run }: RunState): Promise<EventReading> {
    const event = await events.find(run.eventStream, run.eventSeq);
    if (event !== undefined) return { kind: 'read', scope: eventScope(event) };
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
          return apply(await takeEvent(input.event, at), context);
        case 'result':
          return apply(await takeResult(input.result, at), context);
        case 'retry':
          return apply(await takeRetry(input.retry, at), context);
      }
    },
  });
}

function isUnrouted(turn: Turn): boolean {
  return turn.kind === 'recorded' && turn.rows.some((row) => row.kind === 'event' && row.fate === 'unrouted');
}

/** A turn that reaches no further step reads nothing of the event. */
const NOT_NEEDED: EventReading = { kind: 'lost', error: { reason: 'expired', because: 'the event was not read' } };

function apply(turn: Turn, context: ActorContext): Verdict {
  if (turn.kind === 'rejected') return reject('invalid', turn.because, turn.detail);
  for (const row of turn.rows) context.record(row);
  for (const command of turn.commands) context.emit(commandMessage(command, context.message.headers[HEADERS.traceparent]));
  return done();
}

/** A command as it is published: to its actor, in the slot and with the priority of the event. */
export function commandMessage(command: WorkflowCommand, traceparent: string | undefined): Emit {
  const { id, key, priority, actor, type, event, run, step, body } = command;
  return {
    id,
    key,
    subject: commandSubject({ priority, slot: slotOf(key), actor }),
    headers: {
      [HEADERS.event]: event,
      [HEADERS.run]: run,
      [HEADERS.step]: step,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.ceType]: type,
      [HEADERS.contentType]: 'application/json',
      ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    },
    body: Buffer.from(JSON.stringify(body)),
  };
}
