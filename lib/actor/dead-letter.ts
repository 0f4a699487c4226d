import { HEADERS } from '../core/headers.ts';
import { deadLetterId } from '../core/identity.ts';
import type { ActorDefinition, Death } from './define-actor.ts';
import type { Emit, Message } from './message.ts';
import type { AttemptRecord, DeadLetter, OutboxEntry, UnitLease } from './record-port.ts';
import type { Verdict } from './verdict.ts';

/**
 * A dead letter is settled first (its fate is a row), then its copy, its advisory and what its actor owes to others leave
 * through the outbox, under derived ids: a crash in between makes one dead letter, not two.
 */
export interface DeadLetterSubjects {
  readonly deadLetter: (actor: string, reason: string) => string;
  readonly advisory: (kind: string, actor: string) => string;
}

export interface Dying {
  readonly unit: UnitLease;
  readonly definition: ActorDefinition;
  readonly message: Message;
  /** The mailbox key. */
  readonly key: string;
  readonly verdict: Extract<Verdict, { kind: 'reject' }>;
  readonly history: readonly AttemptRecord[];
  /** RFC 3339. */
  readonly at: string;
}

export function buryMessage(dying: Dying, subjects: DeadLetterSubjects): { deadLetter: DeadLetter; outbox: OutboxEntry[] } {
  const { unit, definition, message, key, verdict, history, at } = dying;
  const id = deadLetterId(definition.name, message.id, message.round);
  const detail = verdict.detail ?? null;
  const deadLetter: DeadLetter = {
    unit,
    id,
    messageId: message.id,
    round: message.round,
    eventKey: message.key,
    key,
    priority: message.priority,
    reason: verdict.reason,
    because: verdict.because,
    detail,
    history,
    stream: message.stream,
    seq: message.seq,
    run: message.headers[HEADERS.run] ?? null,
    step: message.headers[HEADERS.step] ?? null,
    at,
  };
  const death: Death = { id, reason: verdict.reason, because: verdict.because, detail };
  const copy: OutboxEntry = {
    unit,
    id,
    subject: subjects.deadLetter(definition.name, verdict.reason),
    key: message.key,
    headers: copyHeaders(message, definition.name, verdict.reason),
    copyOf: { stream: message.stream, seq: message.seq },
  };
  const advisory: OutboxEntry = {
    unit,
    id: `${id}/advisory`,
    subject: subjects.advisory('dead_letter', definition.name),
    key: message.key,
    headers: { [HEADERS.schema]: '1', [HEADERS.contentType]: 'application/json' },
    body: Buffer.from(
      JSON.stringify({
        type: 'io.visapi.advisory.v1.dead_letter',
        id,
        timestamp: at,
        stream: message.stream,
        stream_seq: message.seq,
        consumer: `${definition.name}-${message.priority}-${unit.partition}`,
        deliveries: history.length,
        reason: verdict.reason,
        because: verdict.because,
        message: message.id,
      }),
    ),
  };
  const owed = answerFor(definition, message, death).map((emit): OutboxEntry => ({ unit, ...emit }));
  return { deadLetter, outbox: [copy, advisory, ...owed] };
}

/** A message that is broken may break its actor's answer too; that must not keep it from being buried. */
function answerFor(definition: ActorDefinition, message: Message, death: Death): readonly Emit[] {
  try {
    return definition.onDead?.(message, death) ?? [];
  } catch {
    // The dead letter itself says what is wrong with the message.
    return [];
  }
}

function copyHeaders(message: Message, actor: string, reason: string): Record<string, string> {
  const { [HEADERS.id]: _id, [HEADERS.key]: _key, [HEADERS.msgId]: _msgId, ...headers } = message.headers;
  return {
    ...headers,
    // What a redelivery of this copy will be: one round further.
    [HEADERS.round]: String(message.round + 1),
    [HEADERS.deadMessage]: message.id,
    [HEADERS.deadActor]: actor,
    [HEADERS.deadReason]: reason,
    [HEADERS.deadSubject]: message.subject,
    [HEADERS.deadStream]: message.stream,
    [HEADERS.deadSeq]: String(message.seq),
  };
}

/** The message that a dead letter's copy stands for, one round further; any other message is given back as it is. */
export function reviveMessage(copy: Message): Message {
  const id = copy.headers[HEADERS.deadMessage];
  if (id === undefined) return copy;
  const { deadMessage, deadActor, deadReason, deadSubject, deadStream, deadSeq } = HEADERS;
  const headers = Object.fromEntries(
    Object.entries(copy.headers).filter(
      ([name]) => ![deadMessage, deadActor, deadReason, deadSubject, deadStream, deadSeq].includes(name as never),
    ),
  );
  return { ...copy, id, headers: { ...headers, [HEADERS.id]: id }, subject: copy.headers[deadSubject] ?? copy.subject };
}
