import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { EMIT_SOURCE } from '../../lib/workflow/emitted-event.ts';
import type { WorkflowCommand, WorkflowEmit, WorkflowTimer } from '../../lib/workflow/turn.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { commandSubject, eventSubject } from '../../streams/subjects.ts';

/** See `createTypeLimiter`. */
export type TypeLimiter = (source: string, type: string) => string;

/** A command as it is published: to its actor, in the slot and with the priority of the event. */
export function commandMessage(command: WorkflowCommand, traceparent: string | undefined): Emit {
  const { id, key, priority, actor, type, event, run, step, body, divertTo = [] } = command;
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
      ...(divertTo.length === 0 ? {} : { [HEADERS.divert]: divertTo.join(', ') }),
      ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    },
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** The end of a delay: the step's own result, which comes when it is due. */
export function timerMessage(timer: WorkflowTimer, traceparent: string | undefined): Emit {
  const { id, key, priority, event, run, step, dueAt } = timer;
  return {
    id,
    key,
    subject: commandSubject({ priority, slot: slotOf(key), actor: WORKFLOW_LANES.name }),
    headers: {
      [HEADERS.event]: event,
      [HEADERS.run]: run,
      [HEADERS.step]: step,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.ceType]: 'step.succeeded',
      [HEADERS.contentType]: 'application/json',
      ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    },
    body: Buffer.from(JSON.stringify({ command: id, output: { until: dueAt } })),
    dueAt: Date.parse(dueAt),
  };
}

/** An event that a workflow emits: like one from outside, with the count of the emits that led to it. */
export function eventMessage(event: WorkflowEmit, traceparent: string | undefined, limitType: TypeLimiter): Emit {
  const { id, key, priority, type, workflow, time, hops, body } = event;
  return {
    id,
    key,
    subject: eventSubject({ priority, slot: slotOf(key), source: EMIT_SOURCE, type: limitType(EMIT_SOURCE, type) }),
    headers: {
      [HEADERS.received]: time,
      [HEADERS.hops]: String(hops),
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.contentType]: 'application/json',
      [HEADERS.ceSpecVersion]: '1.0',
      [HEADERS.ceId]: id,
      // A relative reference, as CloudEvents allows.
      [HEADERS.ceSource]: `${EMIT_SOURCE}/${workflow}`,
      [HEADERS.ceType]: type,
      [HEADERS.ceTime]: time,
      ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    },
    body,
  };
}
