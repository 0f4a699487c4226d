import type { DeadLetter, EffectOutcome, LaneProgress, OutboxEntry, ParkedRow, SettleBatch, UnitLease } from '../actor/record-port.ts';
import { cleanJson, cleanTime } from './clean-text.ts';
import type { PartRows, StatementPart } from './fenced-statement.ts';

/** The parts of a settling that write the lanes' record: progress, parked rows, effects, dead letters, outbox, suspects. */
export function recordParts(batch: SettleBatch): PartRows[] {
  const goneRows = new Set(batch.unparked.map(messagePlace));
  return [
    { part: LANES, rows: lastOf(batch.lanes, (lane) => `${unitPlace(lane.unit)} ${lane.stream} ${lane.priority}`).map(laneRow) },
    // A message that was parked and ended within one group leaves no row: the parts of a statement do not see each other.
    {
      part: PARKED,
      rows: lastOf(
        batch.parked.filter((row) => !goneRows.has(messagePlace(row))),
        messagePlace,
      ).map(parkedRow),
    },
    { part: UNPARKED, rows: batch.unparked.map(placeRow) },
    { part: EFFECTS, rows: lastOf(batch.effects, ({ id }) => id).map(effectRow) },
    { part: DEAD_LETTERS, rows: lastOf(batch.deadLetters, ({ id }) => id).map(deadLetterRow) },
    { part: OUTBOX, rows: batch.outbox.filter((entry) => !isTimer(entry)).map(outboxRow) },
    { part: TIMERS, rows: batch.outbox.filter(isTimer).map(timerRow) },
    { part: PUBLISHED, rows: batch.published.map(({ unit, id, seq }) => ({ ...unitOf(unit), id, seq })) },
    { part: CLEARED, rows: batch.cleared.map(placeRow) },
  ];
}

/** `actor`, `partition` and `epoch` alone: a lease may be an object that has more. */
export function unitOf({ actor, partition, epoch }: UnitLease): UnitLease {
  return { actor, partition, epoch };
}

/**
 * A statement may write a row only once: of several of one name the last counts. A unit that this process lost and took again
 * may be in one batch under both epochs; what the old one says must not stand for what the new one says.
 */
export function lastOf<Row extends { readonly unit: UnitLease }>(rows: readonly Row[], name: (row: Row) => string): Row[] {
  const byEpoch = rows.toSorted((a, b) => a.unit.epoch - b.unit.epoch);
  return [...new Map(byEpoch.map((row) => [name(row), row])).values()];
}

type Place = { readonly unit: UnitLease; readonly stream: string; readonly seq: number; readonly replay?: string };

const unitPlace = ({ actor, partition, epoch }: UnitLease): string => `${actor}/${partition}/${epoch}`;
const messagePlace = ({ unit, stream, seq, replay = '' }: Place): string => `${unitPlace(unit)} ${stream} ${seq} ${replay}`;
const placeRow = ({ unit, stream, seq, replay = '' }: Place): object => ({ ...unitOf(unit), stream, seq, replay });

const LANES: StatementPart = {
  name: 'lane',
  columns: 'stream text, priority text, floor bigint, highest bigint, open bigint[], consumer_created text',
  write: `
lane_write as (
  insert into lanes as l (actor, partition, stream, priority, floor, highest, open, consumer_created)
  select actor, partition, stream, priority, floor, highest, open, consumer_created from lane
  on conflict (actor, partition, stream, priority) do update
    set floor = excluded.floor, highest = excluded.highest, open = excluded.open, settled_at = now(),
        consumer_created = excluded.consumer_created
    where excluded.floor >= l.floor
)`,
};

function laneRow({ unit, stream, priority, floor, highest, open, consumerCreated }: LaneProgress): object {
  return { ...unitOf(unit), stream, priority, floor, highest, open, consumer_created: consumerCreated };
}

const PARKED: StatementPart = {
  name: 'park',
  columns: `stream text, seq bigint, priority text, key text, message_id text, attempts int, due_at timestamptz, because text, history jsonb,
    replay text`,
  write: `
park_write as (
  insert into parked (actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, history, replay)
  select actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, history, replay from park
  on conflict (actor, partition, stream, seq, replay) do update
    set priority = excluded.priority, key = excluded.key, message_id = excluded.message_id, attempts = excluded.attempts,
        due_at = excluded.due_at, because = excluded.because, history = excluded.history, adopted = true
)`,
};

function parkedRow(row: ParkedRow): object {
  const { unit, stream, seq, priority, key, messageId, attempts, dueAt, because, history, replay = '' } = row;
  const dueTime = dueAt === null ? null : new Date(dueAt).toISOString();
  return {
    ...unitOf(unit),
    stream,
    seq,
    priority,
    key,
    message_id: messageId,
    attempts,
    due_at: dueTime,
    because,
    history: cleanJson(history),
    replay,
  };
}

const UNPARKED: StatementPart = {
  name: 'unpark',
  columns: 'stream text, seq bigint, replay text',
  // A redelivered dead letter whose message left is resolved: it is done, or it is a dead letter of the next round.
  write: `
unpark_gone as (
  delete from parked p using unpark u
  where p.actor = u.actor and p.partition = u.partition and p.stream = u.stream and p.seq = u.seq and p.replay = u.replay
  returning p.dead_letter_id
),
unpark_write as (
  update dead_letters d set status = 'resolved', status_at = now()
  from unpark_gone g where d.id = g.dead_letter_id and d.status = 'redelivered'
)`,
};

const EFFECTS: StatementPart = {
  name: 'effect',
  columns: 'id text, state text, result jsonb',
  // What is done stays done; what a person or a receipt decided meanwhile gives way to nothing but done. That it did not happen
  // is known only of what this owner has claimed: an attempt whose claim was never sent knows nothing of an earlier one.
  write: `
effect_write as (
  update effects e set state = r.state, result = r.result, ended_at = now()
  from effect r
  where e.id = r.id and e.state <> 'done' and case r.state
    when 'done' then true
    when 'failed' then e.state = 'claimed' and e.epoch = r.epoch
    else e.state in ('claimed', 'unknown') end
)`,
};

function effectRow({ unit, id, state, result }: EffectOutcome): object {
  return { ...unitOf(unit), id, state, result: cleanJson(result) };
}

const DEAD_LETTERS: StatementPart = {
  name: 'dead',
  columns: `id text, message_id text, round int, event_key text, key text, priority text, reason text, because text, detail jsonb, history jsonb,
    stream text, seq bigint, run text, step text, at timestamptz`,
  write: `
dead_write as (
  insert into dead_letters (id, actor, partition, message_id, round, event_key, key, priority, reason, because, detail, history, stream, seq, run, step, at)
  select id, actor, partition, message_id, round, event_key, key, priority, reason, because, detail, history, stream, seq, run, step, coalesce(at, now())
  from dead
  on conflict (id) do nothing
)`,
};

function deadLetterRow(letter: DeadLetter): object {
  const { unit, id, messageId, round, eventKey, key, priority, reason, because, detail, history, stream, seq, run, step, at } = letter;
  return {
    ...unitOf(unit),
    id,
    message_id: messageId,
    round,
    event_key: eventKey,
    key,
    priority,
    reason,
    because,
    stream,
    seq,
    run,
    step,
    detail: cleanJson(detail),
    history: cleanJson(history),
    at: cleanTime(at),
  };
}

const OUTBOX: StatementPart = {
  name: 'send',
  columns: 'n int, id text, subject text, key text, headers jsonb, body text, copy_stream text, copy_seq bigint',
  // Positions are given in the order of the batch.
  write: `
send_write as (
  insert into outbox (actor, partition, id, subject, key, headers, body, copy_stream, copy_seq)
  select actor, partition, id, subject, key, headers, decode(body, 'base64'), copy_stream, copy_seq from send order by n
  on conflict (id, actor, partition) do nothing
)`,
};

function outboxRow(entry: OutboxEntry, n: number): object {
  const { unit, id, subject, key, headers } = entry;
  const content = 'copyOf' in entry ? { copy_stream: entry.copyOf.stream, copy_seq: entry.copyOf.seq } : { body: toBase64(entry.body) };
  return { ...unitOf(unit), n, id, subject, key, headers: cleanJson(headers), ...content };
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const TIMERS: StatementPart = {
  name: 'timer',
  columns: 'id text, due_at timestamptz, subject text, key text, headers jsonb, body text',
  write: `
timer_write as (
  insert into timers (actor, partition, id, due_at, subject, key, headers, body)
  select actor, partition, id, due_at, subject, key, headers, decode(body, 'base64') from timer
  on conflict (id, actor, partition) do nothing
)`,
};

function timerRow({ unit, id, dueAt, subject, key, headers, body }: Timer): object {
  return { ...unitOf(unit), id, due_at: new Date(dueAt).toISOString(), subject, key, headers: cleanJson(headers), body: toBase64(body) };
}

type Timer = Extract<OutboxEntry, { dueAt?: number }> & { readonly dueAt: number };

function isTimer(entry: OutboxEntry): entry is Timer {
  return 'dueAt' in entry && entry.dueAt !== undefined;
}

const PUBLISHED: StatementPart = {
  name: 'sent',
  columns: 'id text, seq bigint',
  // The copy of a dead letter is published under the dead letter's own id.
  write: `
sent_gone as (
  delete from outbox o using sent s where o.id = s.id and o.actor = s.actor and o.partition = s.partition
  returning o.id, o.copy_stream, s.seq
),
sent_timer as (
  delete from timers t using sent s where t.id = s.id and t.actor = s.actor and t.partition = s.partition
),
sent_write as (
  update dead_letters d set copy_seq = g.seq from sent_gone g where g.copy_stream is not null and d.id = g.id
)`,
};

const CLEARED: StatementPart = {
  name: 'clear',
  columns: 'stream text, seq bigint',
  write: `
clear_write as (
  delete from suspects s using clear c
  where s.actor = c.actor and s.partition = c.partition and s.stream = c.stream and s.seq = c.seq
)`,
};
