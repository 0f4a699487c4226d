import type { Emit } from '../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../lib/core/headers.ts';
import type { Priority } from '../lib/core/priority.ts';
import { slotOf } from '../lib/core/slot.ts';
import { eventSubject } from '../streams/subjects.ts';
import { createTypeLimiter } from '../streams/type-limiter.ts';

export interface EventMessage {
  readonly id: string;
  readonly source: string;
  /** CloudEvents' source, a URI reference. */
  readonly ceSource: string;
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
  /** RFC 3339. */
  readonly time: string;
  /** Emits between it and the event that came from outside. */
  readonly hops: number;
  readonly traceparent?: string | undefined;
  readonly body: Uint8Array;
}

/** One for the process, as its purpose is to bound what a process puts into subjects. */
const limitType = createTypeLimiter();

/** An event as it stands in the log. Throws a `TypeError` where the source is no single token. */
export function eventMessage(event: EventMessage): Emit {
  const { id, source, ceSource, type, key, priority, time, hops, traceparent, body } = event;
  return {
    id,
    key,
    subject: eventSubject({ priority, slot: slotOf(key), source, type: limitType(source, type) }),
    headers: {
      [HEADERS.received]: time,
      ...(hops === 0 ? {} : { [HEADERS.hops]: String(hops) }),
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.contentType]: 'application/json',
      [HEADERS.ceSpecVersion]: '1.0',
      [HEADERS.ceId]: id,
      [HEADERS.ceSource]: ceSource,
      [HEADERS.ceType]: type,
      [HEADERS.ceTime]: time,
      ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    },
    body,
  };
}
