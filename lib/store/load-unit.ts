import type { LaneId, LaneProgress, OutboxEntry, ParkedRow, SuspectStart, UnitLease, UnitRecord } from '../actor/record-port.ts';
import type { Priority } from '../core/priority.ts';
import type { Database } from './database.ts';
import { unitOf } from './settle-record.ts';
import { cleanText } from './clean-text.ts';

/**
 * What a new owner has to know. Only the owner writes these rows, and its epoch is raised before it reads them, so the
 * statements need no common snapshot. A parked row that nobody parked anew since a person inserted it is not among them:
 * it comes by `adopt`, to every new owner again.
 */
export async function loadUnit(database: Database, lease: UnitLease): Promise<UnitRecord> {
  const unit = unitOf(lease);
  const values = [unit.actor, unit.partition];
  const [lanes, waiting, suspects, outbox] = await Promise.all([
    database.query<LaneRow>({ text: LANES, values }),
    database.query<ParkedRecord & { behind: number }>({ text: HEADS, values }),
    database.query<Omit<SuspectStart, 'unit'>>({ text: SUSPECTS, values }),
    database.query<OutboxRecord>({ text: OUTBOX, values }),
  ]);
  return {
    lanes: lanes.map((lane) => ({ ...lane, unit })),
    waiting: waiting.map(({ behind, ...row }) => ({ head: parkedRowOf(unit, row), behind })),
    suspects: suspects.map((suspect) => ({ ...suspect, unit })),
    outbox: outbox.map((row) => outboxEntryOf(unit, row)),
  };
}

export async function loadParkedRows(database: Database, lease: UnitLease, lane: LaneId, key: string, limit: number): Promise<ParkedRow[]> {
  const unit = unitOf(lease);
  const values = [unit.actor, unit.partition, lane.stream, lane.priority, cleanText(key), limit, lane.replay ?? ''];
  const rows = await database.query<ParkedRecord>({ name: 'parked-rows', text: PARKED_ROWS, values });
  return rows.map((row) => parkedRowOf(unit, row));
}

type LaneRow = Omit<LaneProgress, 'unit'>;

export interface ParkedRecord {
  readonly stream: string;
  readonly seq: number;
  readonly priority: Priority;
  readonly key: string;
  readonly message_id: string;
  readonly attempts: number;
  readonly due_at: Date | null;
  readonly because: string;
  readonly history: ParkedRow['history'];
  readonly replay: string;
}

export function parkedRowOf(unit: UnitLease, row: ParkedRecord): ParkedRow {
  const { stream, seq, priority, key, attempts, because, history, replay } = row;
  const parked = {
    unit,
    stream,
    seq,
    priority,
    key,
    messageId: row.message_id,
    attempts,
    dueAt: row.due_at?.getTime() ?? null,
    because,
    history,
  };
  return replay === '' ? parked : { ...parked, replay };
}

interface OutboxRecord {
  readonly id: string;
  readonly subject: string;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | null;
  readonly copy_stream: string | null;
  readonly copy_seq: number | null;
}

function outboxEntryOf(unit: UnitLease, row: OutboxRecord): OutboxEntry {
  const { id, subject, key, headers, body, copy_stream: stream, copy_seq: seq } = row;
  if (body !== null) return { unit, id, subject, key, headers, body };
  if (stream === null || seq === null) throw new Error(`outbox ${id}: expected a body or an address, got neither`);
  return { unit, id, subject, key, headers, copyOf: { stream, seq } };
}

export const PARKED_COLUMNS = 'stream, seq, priority, key, message_id, attempts, due_at, because, history, replay';

const LANES = `select stream, priority, floor, highest, open, consumer_created as "consumerCreated" from lanes where actor = $1 and partition = $2`;

const HEADS = `
select distinct on (stream, priority, key, replay) ${PARKED_COLUMNS}, count(*) over (partition by stream, priority, key, replay) - 1 as behind
from parked where actor = $1 and partition = $2 and adopted
order by stream, priority, key, replay, seq`;

const PARKED_ROWS = `
select ${PARKED_COLUMNS} from parked
where actor = $1 and partition = $2 and stream = $3 and priority = $4 and md5(key) = md5($5) and key = $5 and replay = $7 and adopted
order by seq limit $6`;

const SUSPECTS = `select stream, seq, starts, quarantined from suspects where actor = $1 and partition = $2`;

const OUTBOX = `
select id, subject, key, headers, body, copy_stream, copy_seq from outbox
where actor = $1 and partition = $2 order by position`;
