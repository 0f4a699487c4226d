import type { Database } from './database.ts';

/** What the record knows of one actor. */
export interface ActorOverview {
  readonly actor: string;
  /** Units that it has ever had, and how many of them a process holds now. */
  readonly units: number;
  readonly owned: number;
  /** The instances that hold them, in order. */
  readonly owners: readonly string[];
  /** Messages that wait as rows. */
  readonly parked: number;
  /** Dead letters that nobody has seen to. */
  readonly dead: number;
}

/** Every actor that has ever had a unit, in order of their names. */
export async function readActorOverview(database: Database): Promise<ActorOverview[]> {
  return await database.query<ActorOverview & { [column: string]: unknown }>({
    text: `
      select u.actor, count(*)::int as units, count(*) filter (where held)::int as owned,
        coalesce(array_agg(distinct owner order by owner) filter (where held), '{}') as owners,
        (select count(*)::int from parked p where p.actor = u.actor) as parked,
        (select count(*)::int from dead_letters d where d.actor = u.actor and d.status = 'open') as dead
      from (select *, owner is not null and lease_until >= clock_timestamp() as held from units) u
      group by u.actor order by u.actor`,
  });
}
