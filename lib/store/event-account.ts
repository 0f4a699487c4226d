import { sql } from 'kysely';
import type { Priority } from '../core/priority.ts';
import { isSettledIn } from '../core/settled-span.ts';
import type { Database } from './database.ts';

/**
 * What the record says became of an event, as one word:
 * - `done`, `cancelled`, `dead-lettered` (or failed), `unrouted`, `duplicate`: its end, which a person may still change
 * - `waiting`: a run of it is open, or it is parked
 * - `lost`: it was routed, and its runs are not there
 */
export type RecordedFate = 'done' | 'cancelled' | 'dead-lettered' | 'unrouted' | 'duplicate' | 'waiting' | 'lost';

/** Gives the fates of these events; one that it lacks is not recorded. */
export async function readRecordedFates(database: Database, ids: readonly string[]): Promise<ReadonlyMap<string, RecordedFate>> {
  const { rows } = await sql<{ id: string; fate: RecordedFate }>`
    with asked as (select unnest(${ids}::text[]) as id),
    known as (
      select e.id, e.fate,
        (select array_agg(distinct r.status) from runs r where r.event_id = e.id) as runs,
        exists (select from outcomes o where o.message_id = e.id and o.outcome = 'handled') as handled
      from asked a join events e on e.id = a.id
    )
    select id, case
        when 'running' = any(runs) then 'waiting'
        when 'failed' = any(runs) then 'dead-lettered'
        when 'cancelled' = any(runs) then 'cancelled'
        when 'done' = any(runs) or handled then 'done'
        when fate = 'routed' then 'lost'
        else fate end as fate
    from known
    union all
    select distinct d.message_id, 'dead-lettered' from dead_letters d join asked a on a.id = d.message_id
      where d.actor = 'workflow' and not exists (select from known k where k.id = d.message_id)
    union all
    select distinct p.message_id, 'waiting' from parked p join asked a on a.id = p.message_id
      where p.actor = 'workflow' and not exists (select from known k where k.id = p.message_id)
        and not exists (select from dead_letters d where d.actor = 'workflow' and d.message_id = p.message_id)`.execute(database.tables);
  return new Map(rows.map(({ id, fate }) => [id, fate]));
}

/** Of events that are settled, those of which the record does not say what became of them. Costs much less than all fates. */
export async function readLostEvents(database: Database, ids: readonly string[]): Promise<ReadonlyMap<string, 'lost' | 'unrecorded'>> {
  const { rows } = await sql<{ id: string; fate: 'lost' | 'unrecorded' }>`
    with asked as (select unnest(${ids}::text[]) as id)
    select a.id, 'unrecorded' as fate from asked a
      where not exists (select from events e where e.id = a.id)
        and not exists (select from dead_letters d where d.actor = 'workflow' and d.message_id = a.id)
        and not exists (select from parked p where p.actor = 'workflow' and p.message_id = a.id)
    union all
    select e.id, 'lost' from asked a join events e on e.id = a.id
      where e.fate = 'routed'
        and not exists (select from runs r where r.event_id = e.id)
        and not exists (select from outcomes o where o.message_id = e.id and o.outcome = 'handled')`.execute(database.tables);
  return new Map(rows.map(({ id, fate }) => [id, fate]));
}

/** How far an actor's lanes of one stream are. */
export interface LaneFloors {
  /** Whether it is settled, in the lane of this priority and slot. False where there is no such lane yet. */
  isSettled(priority: Priority, slot: number, seq: number): boolean;
}

/** @param partitions of the actor */
export async function readLaneFloors(database: Database, actor: string, stream: string, partitions: number): Promise<LaneFloors> {
  const rows = await database.tables
    .selectFrom('lanes')
    .select(['partition', 'priority', 'floor', 'highest', 'open'])
    .where('actor', '=', actor)
    .where('stream', '=', stream)
    .execute();
  const lanes = new Map(rows.map((lane) => [`${lane.priority} ${lane.partition}`, lane]));
  return {
    isSettled(priority, slot, seq) {
      const lane = lanes.get(`${priority} ${slot % partitions}`);
      return lane !== undefined && isSettledIn(lane, seq);
    },
  };
}
