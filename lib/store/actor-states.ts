import type { StateId, StateWrite, StoredState } from '../actor/record-port.ts';
import { columnArray, readColumns } from './column-arrays.ts';
import type { Database } from './database.ts';
import type { PartRows, StatementPart } from './fenced-statement.ts';
import { lastOf, unitOf } from './settle-record.ts';

/** The parts of a settling that write what actors keep of their keys. */
export function stateParts(states: readonly StateWrite[]): PartRows[] {
  if (states.length === 0) return [];
  const last = lastOf(states, ({ unit, eventKey, key }) => JSON.stringify([unit.actor, eventKey, key]));
  return [
    { part: STATES, rows: last.filter(({ state }) => state !== null).map(stateRow) },
    { part: NO_STATES, rows: last.filter(({ state }) => state === null).map(stateRow) },
  ];
}

const STATES: StatementPart = {
  name: 'state',
  columns: 'event_key text, key text, version int, json json, message_id text, stream text, seq bigint',
  write: `
state_write as (
  insert into actor_states (actor, event_key, key, version, state, message_id, stream, seq)
  select actor, event_key, key, version, json, message_id, stream, seq from state
  on conflict (actor, event_key, key) do update
    set version = excluded.version, state = excluded.state, message_id = excluded.message_id, stream = excluded.stream, seq = excluded.seq,
        updated_at = clock_timestamp()
)`,
};

const NO_STATES: StatementPart = {
  name: 'stateless',
  columns: 'event_key text, key text',
  write: `
stateless_write as (
  delete from actor_states s using stateless n where s.actor = n.actor and s.event_key = n.event_key and s.key = n.key
)`,
};

function stateRow({ unit, eventKey, key, state, messageId, stream, seq }: StateWrite): object {
  return { ...unitOf(unit), event_key: eventKey, key, version: state?.version, json: state?.json, message_id: messageId, stream, seq };
}

/** In the order of the ids. Only a unit's owner asks, after its epoch was raised: all that was settled before is there. */
export async function loadStates(database: Database, ids: readonly StateId[]): Promise<(StoredState | undefined)[]> {
  const rows = ids.map(({ actor, eventKey, key }) => ({ actor, event_key: eventKey, key }));
  const found = await database.query<{ n: number } & StoredState>({
    name: 'load-states',
    text: LOAD,
    values: ID_COLUMNS.map((column) => columnArray(rows, column)),
  });
  const states = new Map(found.map(({ n, version, json }) => [n, { version, json }]));
  return ids.map((_, index) => states.get(index + 1));
}

const ID_COLUMNS = readColumns('actor text, event_key text, key text');

const LOAD = `
select asked.n::int, s.version, s.state::text as json
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as asked(actor, event_key, key, n)
join actor_states s on s.actor = asked.actor and s.event_key = asked.event_key and s.key = asked.key`;
