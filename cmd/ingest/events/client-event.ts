import { clientEventKey, eventId } from '../../../lib/core/identity.ts';
import type { Priority } from '../../../lib/core/priority.ts';
import type { CloudEvent } from '../../../lib/cloudevents/cloud-event.ts';
import type { ReceivedEvent } from '../../../lib/webhook/received-event.ts';
import { continueTrace } from '../../../lib/webhook/traceparent.ts';

/** What the request says beside the event. */
export interface Sending {
  /** The key's: a token of the subject. */
  readonly source: string;
  /** Of the request; of a batch `<key>/<place>`. */
  readonly idempotencyKey: string | undefined;
  /** Of the request, for events that have none of their own. */
  readonly traceparent: string | undefined;
  readonly nowMs: number;
}

/**
 * A client's event as one of ours. Its identity is its CloudEvents identity (source and id) within the key's source, or the
 * idempotency key within it; the two never meet, since no event has an empty source. Neither meets a webhook's.
 */
export function toClientEvent({ attributes, contentType, data }: CloudEvent, sending: Sending): ReceivedEvent {
  const { source, idempotencyKey, nowMs } = sending;
  const id = eventId(
    source,
    idempotencyKey === undefined ? clientEventKey(attributes.source, attributes.id) : clientEventKey('', idempotencyKey),
  );
  return {
    id,
    providerId: attributes.id,
    source,
    type: attributes.type,
    attributes,
    key: attributes['partitionkey'] ?? attributes['subject'] ?? id,
    priority: (attributes['priority'] ?? 'default') as Priority,
    time: attributes['time'],
    receivedAt: new Date(nowMs).toISOString(),
    contentType,
    traceparent: continueTrace(attributes['traceparent'] ?? sending.traceparent),
    body: data,
  };
}
