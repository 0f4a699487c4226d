import { z } from 'zod';

import { InvalidInput } from '../../lib/actor/define-actor.ts';
import type { Message } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import type { RunCancel } from '../../lib/workflow/cancel-turn.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import type { StepResult } from '../../lib/workflow/result-turn.ts';
import type { StepRetry } from '../../lib/workflow/retry-turn.ts';
import { parseSubject } from '../../streams/subjects.ts';

/** What a message asks of the workflow actor. */
export type WorkflowInput =
  | { readonly kind: 'event'; readonly event: WorkflowEvent }
  | { readonly kind: 'result'; readonly result: StepResult }
  | { readonly kind: 'retry'; readonly retry: StepRetry }
  | { readonly kind: 'cancel'; readonly cancel: RunCancel };

const Succeeded = z.object({ command: z.string().min(1), output: z.unknown() });
const Failed = z.object({
  command: z.string().min(1),
  reason: z.string(),
  because: z.string(),
  detail: z.unknown(),
  deadLetter: z.string().nullable().default(null),
});
const Retry = z.object({
  step: z.string().min(1),
  generation: z.string().min(1),
  workflow: z.string().min(1),
  version: z.int().min(1),
});

/**
 * Makes the actor's input of a message. Throws `InvalidInput` with the path where it does not fit. An event's body is not looked
 * at: its sender is genuine, and what its body has to be is the workflows' business.
 */
export function workflowInput(message: Message): WorkflowInput {
  const schema = message.headers[HEADERS.schema] ?? SCHEMA_VERSION;
  if (schema !== SCHEMA_VERSION) throw new InvalidInput(`expected ${HEADERS.schema} ${SCHEMA_VERSION}, got ${schema}`);
  const subject = parseSubject(message.subject);
  if (subject?.kind === 'event') return { kind: 'event', event: workflowEvent(message, subject.source, subject.type) };
  if (subject?.kind === 'command') return stepMessage(message);
  throw new InvalidInput(`expected an event or a step's result, got subject ${message.subject}`);
}

/** An event as it stands in the log. Throws `InvalidInput` where the message is none. */
export function storedEvent(message: Message): WorkflowEvent {
  const input = workflowInput(message);
  if (input.kind !== 'event') throw new InvalidInput(`expected an event at ${message.stream}:${message.seq}, got ${message.subject}`);
  return input.event;
}

function workflowEvent(message: Message, source: string, subjectType: string): WorkflowEvent {
  const { id, key, priority, stream, seq, headers, body, replay } = message;
  const receivedAt = headers[HEADERS.received] ?? new Date(message.storedAt).toISOString();
  return {
    id,
    source,
    key,
    priority,
    stream,
    seq,
    body,
    receivedAt,
    type: headers[HEADERS.ceType] ?? subjectType,
    time: headers[HEADERS.ceTime] ?? receivedAt,
    traceparent: headers[HEADERS.traceparent] ?? null,
    hops: hopsOf(headers[HEADERS.hops]),
    onlyFor: headers[HEADERS.workflow] ?? null,
    ...(replay === undefined ? {} : { replay }),
  };
}

function hopsOf(text = '0'): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidInput(`expected a count in ${HEADERS.hops}, got ${text}`);
  return Number(text);
}

function stepMessage(message: Message): WorkflowInput {
  const type = headerOf(message, HEADERS.ceType);
  if (type === 'run.cancel') return { kind: 'cancel', cancel: { messageId: message.id, run: headerOf(message, HEADERS.run) } };
  const about = { messageId: message.id, run: headerOf(message, HEADERS.run), step: headerOf(message, HEADERS.step) };
  switch (type) {
    case 'step.succeeded': {
      const { command, output } = bodyOf(message, Succeeded);
      return { kind: 'result', result: { ...about, kind: 'succeeded', command, output } };
    }
    case 'step.failed': {
      const { command, reason, because, detail, deadLetter } = bodyOf(message, Failed);
      const error = { reason, because, ...(detail === undefined || detail === null ? {} : { detail }) };
      return { kind: 'result', result: { ...about, kind: 'failed', command, error, deadLetterId: deadLetter } };
    }
    case 'step.retry': {
      const { step, generation, workflow, version } = bodyOf(message, Retry);
      return { kind: 'retry', retry: { ...about, step, generation, workflow, version } };
    }
    default:
      throw new InvalidInput(`expected ${HEADERS.ceType} step.succeeded, step.failed, step.retry or run.cancel, got ${type}`);
  }
}

function headerOf(message: Message, name: string): string {
  const value = message.headers[name];
  if (value === undefined || value === '') throw new InvalidInput(`expected a header ${name}, got nothing`);
  return value;
}

function bodyOf<Body>(message: Message, schema: z.ZodType<Body>): Body {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(message.body));
  } catch (error) {
    throw new InvalidInput('expected a body in JSON', { got: error instanceof Error ? error.message : String(error) });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(
    'the body does not fit',
    parsed.error.issues.map(({ path, message: expected }) => ({ path: path.map(String).join('.'), expected })),
  );
}
