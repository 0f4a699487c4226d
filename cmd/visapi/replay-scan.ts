import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import type { Priority } from '../../lib/core/priority.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import { parseSubject } from '../../streams/subjects.ts';

/** What a replay is about, as far as the log can say it. All bounds count. */
export interface Slice {
  readonly stream: string;
  /** Of the stream, what the actor reads. */
  readonly filter: string;
  readonly fromSeq: number;
  readonly toSeq: number;
  /** When the log has stored it. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly key?: string | undefined;
  /** As their headers say it. Empty: all. */
  readonly types: readonly string[];
}

/** The messages of one priority and slot. */
export interface SliceShare {
  readonly priority: Priority;
  readonly slot: number;
  readonly count: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface ScannedSlice {
  readonly total: number;
  readonly shares: readonly SliceShare[];
  readonly first: readonly SliceMessage[];
}

export interface SliceMessage {
  readonly id: string;
  readonly seq: number;
  /** RFC 3339. */
  readonly storedAt: string;
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
}

/** Shown of a slice. */
const FIRST = 10;

/** Reads the slice once, in the order of the log; it disturbs no lane. `onMessages` gets whole messages, a chunk at a time. */
export async function scanSlice(
  connection: BrokerConnection,
  slice: Slice,
  onMessages?: (messages: readonly Message[]) => Promise<void>,
): Promise<ScannedSlice> {
  const shares = new Map<string, SliceShare>();
  const first: SliceMessage[] = [];
  let total = 0;
  for await (const messages of sliceChunks(connection, slice, onMessages === undefined)) {
    for (const message of messages) {
      const { priority, seq } = message;
      const slot = slotIn(message);
      const share = shares.get(`${priority}.${slot}`);
      const firstSeq = share?.firstSeq ?? seq;
      shares.set(`${priority}.${slot}`, { priority, slot, count: (share?.count ?? 0) + 1, firstSeq, lastSeq: seq });
      if (first.length < FIRST) first.push(entryOf(message));
    }
    total += messages.length;
    await onMessages?.(messages);
  }
  return { total, shares: [...shares.values()], first };
}

async function* sliceChunks(connection: BrokerConnection, slice: Slice, headersOnly: boolean): AsyncGenerator<Message[]> {
  const { stream, filter, fromSeq, toSeq, since, until, key, types } = slice;
  const sinceMs = since?.getTime();
  const untilMs = until?.getTime() ?? Number.POSITIVE_INFINITY;
  const scan = scanLog(connection, { stream, filter, fromSeq, toSeq, headersOnly, ...(sinceMs === undefined ? {} : { sinceMs }) });
  for await (const chunk of scan) {
    const wanted = chunk.filter(
      (message) =>
        message.storedAt >= (sinceMs ?? 0) &&
        message.storedAt < untilMs &&
        (key === undefined || message.header(HEADERS.key) === key) &&
        (types.length === 0 || types.includes(message.header(HEADERS.ceType))),
    );
    if (wanted.length > 0) yield wanted.map((message) => message.toMessage());
    if ((chunk.at(-1)?.storedAt ?? 0) >= untilMs) return;
  }
}

function slotIn({ subject, key }: Message): number {
  const parsed = parseSubject(subject);
  return parsed !== undefined && 'slot' in parsed ? parsed.slot : slotOf(key);
}

function entryOf({ id, seq, storedAt, headers, key, priority }: Message): SliceMessage {
  return { id, seq, storedAt: new Date(storedAt).toISOString(), type: headers[HEADERS.ceType] ?? '', key, priority };
}
