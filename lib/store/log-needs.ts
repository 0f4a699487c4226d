import { sql } from 'kysely';
import type { Priority } from '../core/priority.ts';
import type { Database } from './database.ts';

/** A message of the log, or what comes behind it, that somebody still reads. */
export interface LogNeed {
  /** The lowest sequence that has to stay. */
  readonly seq: number;
  readonly because: string;
}

/** Everything but the lanes that still needs messages of a stream: the lowest of each kind. */
export async function readLogNeeds(database: Database, stream: string): Promise<LogNeed[]> {
  const { rows } = await sql<{ seq: number | null; because: string }>`
    select min(seq)::float8 as seq, 'a message that waits parked' as because from parked where stream = ${stream}
    union all
    select min(l.floor + 1)::float8, 'a replay that is under way' from replay_lanes l join replays r on r.id = l.replay
      where l.stream = ${stream} and l.ended_at is null and r.status in ('running', 'paused')
    union all
    select min(r.event_seq)::float8, 'the event of a run that is open or stands failed' from runs r
      where r.event_stream = ${stream} and r.status in ('running', 'failed') and not exists (select from kept_events k where k.run = r.id)
  `.execute(database.tables);
  return rows.flatMap(({ seq, because }) => (seq === null ? [] : [{ seq, because }]));
}

/** Where the lanes of one actor in a stream stand. */
export interface ActorFloors {
  readonly actor: string;
  readonly partitions: number;
  /** Everything up to it is settled. 0 for a lane that has settled nothing yet. */
  floorOf(priority: Priority, partition: number): number;
}

/** Of every actor that has ever settled a message of the stream. */
export async function readActorFloors(database: Database, stream: string): Promise<ActorFloors[]> {
  const { rows } = await sql<{ actor: string; partitions: number; floors: Record<string, number> }>`
    select l.actor, (select count(*)::int from units u where u.actor = l.actor) as partitions,
      json_object_agg(l.priority || ' ' || l.partition, l.floor) as floors
    from lanes l where l.stream = ${stream} group by l.actor order by l.actor`.execute(database.tables);
  return rows.map(({ actor, partitions, floors }) => ({
    actor,
    partitions,
    floorOf: (priority, partition) => floors[`${priority} ${partition}`] ?? 0,
  }));
}
