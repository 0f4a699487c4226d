import { randomUUID } from 'node:crypto';
import type { UnitLease } from '../actor/record-port.ts';
import type { ConsumerReset, ReplayPart, ReplayProgress } from '../actor/replay.ts';
import type { Priority } from '../core/priority.ts';
import type { Database } from './database.ts';
import { fencedStatement, type PartRows, type StatementPart } from './fenced-statement.ts';
import { lastOf, unitOf } from './settle-record.ts';

/** What the units' owners read and write of replays. */

/** The parts of these units in replays that are not over, those that have ended among them: their messages may still wait. */
export async function openReplayParts(database: Database, leases: readonly UnitLease[]): Promise<ReplayPart[]> {
  if (leases.length === 0) return [];
  const actors = [...new Set(leases.map(({ actor }) => actor))];
  const rows = await database.query<PartRecord>({ name: 'replay-parts', text: PARTS, values: [actors] });
  if (rows.length > 0) await database.query({ name: 'replays-over', text: END, values: [actors] });
  const isMine = (row: PartRecord): boolean => leases.some(({ actor, partition }) => actor === row.actor && partition === row.partition);
  return rows.filter(isMine).map(partOf);
}

/** The part of a settling that writes how far replays are. */
export function replayPart(replays: readonly ReplayProgress[]): PartRows {
  const name = ({ unit, replay, stream, priority }: ReplayProgress): string =>
    `${unit.actor}/${unit.partition}/${unit.epoch} ${replay} ${stream} ${priority}`;
  return {
    part: REPLAYS,
    rows: lastOf(replays, name).map(({ unit, replay, stream, priority, untilSeq, floor, highest, open, handled, skipped, isEnded }) => ({
      ...unitOf(unit),
      replay,
      stream,
      priority,
      until_seq: untilSeq,
      floor,
      highest,
      open,
      handled,
      skipped,
      is_ended: isEnded,
    })),
  };
}

/**
 * Takes tokens out of a replay's bucket, filled by the database's clock; it holds those of one second. All owners together so keep
 * the rate, wherever the units are.
 */
export async function grantReplay(database: Database, replay: string, wanted: number): Promise<number> {
  const [row] = await database.query<{ granted: number }>({ name: 'replay-grant', text: GRANT, values: [replay, wanted] });
  return row?.granted ?? 0;
}

/**
 * Records that somebody has re-pointed a lane's consumer by hand: a replay in place like any other. One that was under way in the same
 * lane is over with it.
 */
export async function recordReset(
  database: Database,
  { unit, stream, priority, fromSeq, untilSeq }: ConsumerReset,
): Promise<ReplayPart | undefined> {
  const id = `hand-${randomUUID().slice(0, 8)}`;
  const { actor, partition, epoch } = unit;
  const row = { actor, partition, epoch, id, stream, priority, from_seq: fromSeq, until_seq: untilSeq };
  const [part] = await database.query<PartRecord>(fencedStatement('reset', [unit], [{ part: RESET, rows: [row] }], SELECT_RESET));
  return part && partOf(part);
}

export async function nextRound(database: Database, actor: string, messageId: string): Promise<number> {
  const text = 'select max(round) + 1 as round from dead_letters where message_id = $1 and actor = $2';
  const [row] = await database.query<{ round: number | null }>({ name: 'next-round', text, values: [messageId, actor] });
  return row?.round ?? 0;
}

interface PartRecord {
  readonly replay: string;
  readonly repeat_actors: string[];
  readonly divert_to: string[];
  readonly kind: ReplayPart['kind'];
  readonly status: string;
  readonly rate: number | null;
  readonly actor: string;
  readonly partition: number;
  readonly stream: string;
  readonly priority: Priority;
  readonly filters: string[];
  readonly key: string | null;
  readonly types: string[];
  readonly from_seq: number;
  readonly until_seq: number | null;
  readonly floor: number;
  readonly highest: number | null;
  readonly open: number[];
  readonly handled: number;
  readonly skipped: number;
  readonly ended_at: Date | null;
}

function partOf(row: PartRecord): ReplayPart {
  const { actor, partition, stream, priority, kind, rate, key, types, floor, highest, open, handled, skipped, replay } = row;
  return {
    options: { id: replay, repeat: row.repeat_actors, divertTo: row.divert_to },
    isPaused: row.status === 'paused',
    isEnded: row.ended_at !== null,
    fromSeq: row.from_seq,
    untilSeq: row.until_seq,
    filterSubjects: row.filters,
    actor,
    partition,
    stream,
    priority,
    replay,
    kind,
    rate,
    key,
    types,
    floor,
    highest: highest ?? floor,
    open,
    handled,
    skipped,
  };
}

const PARTS = `
select l.*, r.repeat_actors, r.divert_to, r.kind, r.status, r.rate
from replays r join replay_lanes l on l.replay = r.id
where r.actor = any ($1::text[]) and r.status in ('running', 'paused')
order by r.created_at, r.id`;

/** A replay is over when every part is, and nothing of it waits any more. */
const END = `
update replays r set status = 'done', status_at = clock_timestamp()
where r.actor = any ($1::text[]) and r.status in ('running', 'paused')
  and not exists (select from replay_lanes l where l.replay = r.id and l.ended_at is null)
  and not exists (select from parked p where p.replay = r.id)`;

/** What has ended stays so: a reset by hand may have ended it while the last of it was being handled. */
const REPLAYS: StatementPart = {
  name: 'replay',
  columns: `replay text, stream text, priority text, until_seq bigint, floor bigint, highest bigint, open bigint[], handled bigint, skipped bigint,
    is_ended boolean`,
  write: `
replay_write as (
  update replay_lanes l
  set until_seq = r.until_seq, floor = r.floor, highest = r.highest, open = r.open, handled = r.handled, skipped = r.skipped,
      ended_at = coalesce(l.ended_at, case when r.is_ended then now() end)
  from replay r
  where l.replay = r.replay and l.actor = r.actor and l.partition = r.partition and l.stream = r.stream and l.priority = r.priority
    and r.floor >= l.floor
)`,
};

const GRANT = `
with filled as (
  select id, least(rate, tokens + rate * extract(epoch from clock_timestamp() - filled_at)) as tokens
  from replays where id = $1 and status = 'running' and rate is not null
  for update
)
update replays r
set tokens = f.tokens - least(floor(f.tokens), $2), filled_at = clock_timestamp()
from filled f where r.id = f.id
returning least(floor(f.tokens), $2)::int as granted`;

const RESET: StatementPart = {
  name: 'reset',
  columns: 'id text, stream text, priority text, from_seq bigint, until_seq bigint',
  write: `
reset_over as (
  update replay_lanes l set ended_at = now() from reset r, replays p
  where p.id = l.replay and p.kind = 'in-place' and p.status in ('running', 'paused') and l.ended_at is null
    and l.actor = r.actor and l.partition = r.partition and l.stream = r.stream and l.priority = r.priority
),
reset_replay as (
  insert into replays (id, actor, kind, who, stream, asked)
  select id, actor, 'in-place', 'a reset of the consumer by hand', stream, jsonb_build_object('fromSeq', from_seq) from reset
  returning id
),
reset_audit as (
  insert into audit_log (who, action, target, detail)
  select 'unknown (a reset of the consumer by hand)', 'replay.begin', r.id,
    jsonb_build_object('actor', r.actor, 'partition', r.partition, 'stream', r.stream, 'priority', r.priority, 'fromSeq', r.from_seq, 'untilSeq', r.until_seq)
  from reset r
),
reset_write as (
  insert into replay_lanes (replay, actor, partition, stream, priority, filters, types, from_seq, until_seq, floor)
  select r.id, r.actor, r.partition, r.stream, r.priority, '{}', '{}', r.from_seq, r.until_seq, r.from_seq - 1 from reset r
  returning *
)`,
};

const SELECT_RESET = `select w.*, '{}'::text[] as repeat_actors, '{}'::text[] as divert_to, 'in-place' as kind, 'running' as status, null::float8 as rate from reset_write w`;
