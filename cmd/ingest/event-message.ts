import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { ReceivedEvent } from '../../lib/webhook/received-event.ts';
import { eventSubject } from '../../streams/subjects.ts';
import { createTypeLimiter } from '../../streams/type-limiter.ts';

/** Makes the function that turns an event into its message of the log; it counts the types of each source. */
export function createEventMessage(): (event: ReceivedEvent) => Emit {
  const limitType = createTypeLimiter();
  return (event) => ({
    id: event.id,
    key: event.key,
    subject: eventSubject({
      priority: event.priority,
      slot: slotOf(event.key),
      source: event.source,
      type: limitType(event.source, event.type),
    }),
    headers: {
      [HEADERS.received]: event.receivedAt,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.traceparent]: event.traceparent,
      [HEADERS.contentType]: event.contentType,
      [HEADERS.ceSpecVersion]: '1.0',
      // Without a provider's id ours is the only one there is; CloudEvents wants one.
      [HEADERS.ceId]: event.providerId ?? event.id,
      // A relative reference, as CloudEvents allows: the name of the source is what we know of where it came from.
      [HEADERS.ceSource]: event.source,
      [HEADERS.ceType]: event.type,
      ...(event.time === undefined ? {} : { [HEADERS.ceTime]: event.time }),
      ...(event.attributes === undefined ? {} : attributeHeaders(event.attributes)),
    },
    body: event.body,
  });
}

function attributeHeaders(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
}
