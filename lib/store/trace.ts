import { type RawBuilder, type Selectable, sql } from 'kysely';
import { eventId } from '../core/identity.ts';
import type { EventRow } from '../workflow/row.ts';
import type { RunState } from '../workflow/turn.ts';
import { cleanText } from './clean-text.ts';
import type { Database } from './database.ts';
import { type Fate, fateOf } from './fate.ts';
import { readRuns } from './run-reader.ts';
import { readSnapshot, type StoreReader } from './snapshot.ts';
import type { EventsTable } from './tables.ts';
import { type MessageRows, readMessageRows } from './trace-rows.ts';

/** An event as the log or its projection knows it. */
export interface TracedEvent {
  readonly id: string;
  readonly stream: string;
  readonly seq: number;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly priority: string;
  /** RFC 3339. */
  readonly receivedAt: string;
  readonly size: number;
}

/** One event's whole fate, with times. */
export interface EventTrace {
  readonly event: TracedEvent;
  /** Whether the projection knows it; otherwise it was found in the log. */
  readonly isProjected: boolean;
  readonly fate: Fate;
  readonly runs: readonly RunState[];
  readonly messages: MessageRows;
}

export interface TraceReader {
  /** By the event's id, or by that of one of its runs, commands, effects or results. */
  byId(id: string): Promise<EventTrace | undefined>;
  /** The event that a provider gave this id, under one of these sources or one that is recorded; with all ids that it may have. */
  byProviderId(
    id: string,
    sources: readonly string[],
  ): Promise<{ readonly ids: readonly string[]; readonly trace: EventTrace | undefined }>;
  /** Newest first. */
  byKey(key: string, limit: number): Promise<EventTrace[]>;
  /** How many recorded events have the key. */
  countOfKey(key: string): Promise<number>;
  /** How many of these events are recorded. */
  countKnown(ids: readonly string[]): Promise<number>;
  /** An event that was found in the log. */
  ofLogged(event: TracedEvent): Promise<EventTrace>;
  /** The moment since which the projection knows every event; undefined where it is empty. */
  knownSince(): Promise<string | undefined>;
}

export function createTraceReader(database: Database): TraceReader {
  const { tables } = database;

  /** A trace is one picture of one moment: a run and its step that were read apart could contradict each other. */
  async function traceOf(reader: StoreReader, event: TracedEvent, fate: EventRow['fate'] | undefined): Promise<EventTrace> {
    const runIds = await reader.tables
      .selectFrom('runs')
      .select('id')
      .where('event_id', '=', event.id)
      .orderBy('started_at')
      .orderBy('id')
      .execute();
    const ids = runIds.map(({ id }) => id);
    const states = await readRuns(reader, ids);
    const messages = await readMessageRows(reader, event.id, ids);
    const runs = ids.flatMap((id) => states.get(id) ?? []);
    return { event, isProjected: fate !== undefined, fate: fateOf(event.id, fate && { fate }, runs, messages), runs, messages };
  }

  const traceOfRow = (reader: StoreReader, row: Selectable<EventsTable>): Promise<EventTrace> =>
    traceOf(reader, eventOf(row), row.fate as EventRow['fate']);

  async function findEvent(reader: StoreReader, id: string): Promise<Selectable<EventsTable> | undefined> {
    return await reader.tables.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async function countEvents(which: RawBuilder<boolean>): Promise<number> {
    const row = await tables
      .selectFrom('events')
      .select(({ fn }) => fn.countAll().as('count'))
      .where(which)
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  return {
    async byId(text) {
      const id = cleanText(text);
      return await readSnapshot(database, async (reader) => {
        const direct = await findEvent(reader, id);
        if (direct !== undefined) return await traceOfRow(reader, direct);
        const run = await reader.tables.selectFrom('runs').select('event_id').where('id', '=', id.split('/', 1)[0]!).executeTakeFirst();
        const event = run && (await findEvent(reader, run.event_id));
        return event && (await traceOfRow(reader, event));
      });
    },

    async byProviderId(id, sources) {
      const recorded = await tables.selectFrom('events').select('source').distinct().execute();
      const names = new Set([...sources, ...recorded.map(({ source }) => source)]);
      const ids = [...names].map((name) => eventId(name, id));
      if (ids.length === 0) return { ids, trace: undefined };
      const row = await tables.selectFrom('events').selectAll().where('id', 'in', ids).orderBy('received_at', 'desc').executeTakeFirst();
      return { ids, trace: row && (await readSnapshot(database, (reader) => traceOfRow(reader, row))) };
    },

    async byKey(text, limit) {
      const key = cleanText(text);
      const rows = await tables
        .selectFrom('events')
        .selectAll()
        .where(sql<boolean>`md5(key) = md5(${key})`)
        .where('key', '=', key)
        .orderBy('received_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return await Promise.all(rows.map((row) => readSnapshot(database, (reader) => traceOfRow(reader, row))));
    },

    async countOfKey(text) {
      const key = cleanText(text);
      return await countEvents(sql<boolean>`md5(key) = md5(${key}) and key = ${key}`);
    },

    countKnown: async (ids) => (ids.length === 0 ? 0 : await countEvents(sql<boolean>`id = any(${[...ids]})`)),

    ofLogged: (event) => readSnapshot(database, (reader) => traceOf(reader, event, undefined)),

    async knownSince() {
      const row = await tables.selectFrom('events').select('received_at').orderBy('received_at').limit(1).executeTakeFirst();
      return row?.received_at.toISOString();
    },
  };
}

function eventOf(row: Selectable<EventsTable>): TracedEvent {
  const { id, stream, seq, source, type, key, priority, size } = row;
  return { id, stream, seq, source, type, key, priority, size, receivedAt: row.received_at.toISOString() };
}
