import type { Member, Survey } from '../actor/record-port.ts';
import type { Database } from './database.ts';

/** Who shares units with whom. A member is written with its leases (lib/store/units.ts), by the database's clock. */

/** One statement: what it finds is of one moment. */
const SURVEY = `
select
  (select coalesce(json_agg(json_build_object('name', name, 'actors', actors,
     'ageMs', extract(epoch from clock_timestamp() - joined_at) * 1000)), '[]')
   from members where seen_until > clock_timestamp() and actors && $1::text[]) as members,
  (select coalesce(json_agg(json_build_object('actor', actor, 'partition', partition,
     'owner', case when lease_until > clock_timestamp() then owner end)), '[]')
   from units where actor = any($1::text[])) as units`;

export async function surveyUnits(database: Database, actors: readonly string[]): Promise<Survey> {
  const [found] = await database.query<{ members: Survey['members']; units: Survey['units'] }>({
    name: 'survey',
    text: SURVEY,
    values: [[...actors]],
  });
  return found!;
}

/** A later life under the same name stays. */
export async function removeMember(database: Database, { name, nonce }: Member): Promise<void> {
  await database.query({ text: 'delete from members where name = $1 and nonce = $2', values: [name, nonce] });
}
