import { InvalidInput } from '../lib/actor/define-actor.ts';
import type { Message } from '../lib/actor/message.ts';
import { HEADERS } from '../lib/core/headers.ts';
import type { Priority } from '../lib/core/priority.ts';
import { parseSubject } from '../streams/subjects.ts';

/** What an event says about itself; its data is the actor's input. */
export interface UserEvent {
  /** Its identity: the same for every delivery, retry and redelivery. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
  /** When it happened, as its sender says; where it does not say, when it was received. RFC 3339. */
  readonly time: string;
}

/** The event that a message of EVENTS is. Throws `InvalidInput` for any other message. */
export function eventOf({ id, key, priority, subject, headers, storedAt }: Message): UserEvent {
  const parsed = parseSubject(subject);
  if (parsed?.kind !== 'event') throw new InvalidInput(`expected an event, got subject ${subject}`);
  const time = headers[HEADERS.ceTime] ?? headers[HEADERS.received] ?? new Date(storedAt).toISOString();
  return { id, source: parsed.source, type: headers[HEADERS.ceType] ?? parsed.type, key, priority, time };
}
