import { cleanText } from './clean-text.ts';
import type { Database } from './database.ts';

/** What an actor keeps of one key, without the state itself. */
export interface KeptState {
  readonly actor: string;
  readonly eventKey: string;
  /** The mailbox key; the event's, unless the actor refines it. */
  readonly key: string;
  readonly version: number;
  /** Of its JSON. */
  readonly bytes: number;
  readonly updatedAt: string;
  /** The message that it was settled with last, and its address. */
  readonly messageId: string;
  readonly stream: string;
  readonly seq: number;
}

/** Where a page begins: behind this event key, or behind this mailbox of it. */
export interface StateCursor {
  readonly eventKey: string;
  readonly key?: string | undefined;
}

/** One page of an actor's keys in their order, and how many keys there are. */
export async function listStates(
  database: Database,
  actor: string,
  after: StateCursor | undefined,
  limit: number,
): Promise<{ readonly total: number; readonly states: KeptState[] }> {
  const states = await database.query<KeptRow>({
    text: `
      select ${COLUMNS} from actor_states
      where actor = $1 and event_key >= $2 and ($3 or event_key > $2 or key > $4)
      order by event_key, key limit $5`,
    values: [actor, after?.eventKey ?? '', after === undefined, after?.key ?? null, limit],
  });
  const [count] = await database.query<{ n: number }>({
    text: 'select count(*)::int as n from actor_states where actor = $1',
    values: [actor],
  });
  return { total: count?.n ?? 0, states: states.map(keptState) };
}

/** The states of an event's key, of all its mailboxes; where there is none those of a mailbox key. */
export async function findStates(database: Database, actor: string, key: string): Promise<(KeptState & { readonly state: unknown })[]> {
  for (const column of ['event_key', 'key']) {
    const rows = await database.query<KeptRow & { json: string }>({
      text: `select ${COLUMNS}, state::text as json from actor_states where actor = $1 and ${column} = $2 order by event_key, key limit $3`,
      values: [actor, cleanText(key), MAX_MAILBOXES],
    });
    if (rows.length > 0) return rows.map(({ json, ...row }) => ({ ...keptState(row), state: JSON.parse(json) as unknown }));
  }
  return [];
}

/** Keys of an actor that stand beside one in their order: what was misspelt is most likely among them. */
export async function neighbouringKeys(database: Database, actor: string, key: string): Promise<string[]> {
  const beside = async (compare: string, order: string): Promise<string[]> => {
    const text = `select distinct event_key from actor_states where actor = $1 and event_key ${compare} $2 order by event_key ${order} limit $3`;
    return (await database.query<{ event_key: string }>({ text, values: [actor, cleanText(key), NEIGHBOURS] })).map(
      ({ event_key }) => event_key,
    );
  };
  return (await Promise.all([beside('<', 'desc'), beside('>', 'asc')])).flat();
}

/** Every actor that keeps something of at least one key. */
export async function actorsWithStates(database: Database): Promise<string[]> {
  // From one name to the next by the primary key, which has all of an actor's keys.
  const rows = await database.query<{ actor: string }>({
    text: `
      with recursive name as (
        (select actor from actor_states order by actor limit 1)
        union all
        select (select s.actor from actor_states s where s.actor > name.actor order by s.actor limit 1) from name where name.actor is not null
      )
      select actor from name where actor is not null`,
  });
  return rows.map(({ actor }) => actor);
}

/** Of one event key; who looks at more wants them by their own keys. */
const MAX_MAILBOXES = 100;
const NEIGHBOURS = 200;

interface KeptRow {
  readonly actor: string;
  readonly event_key: string;
  readonly key: string;
  readonly version: number;
  readonly bytes: number;
  readonly updated_at: Date;
  readonly message_id: string;
  readonly stream: string;
  readonly seq: number;
}

const COLUMNS = 'actor, event_key, key, version, octet_length(state::text) as bytes, updated_at, message_id, stream, seq';

function keptState({ actor, event_key: eventKey, key, version, bytes, updated_at, message_id, stream, seq }: KeptRow): KeptState {
  return { actor, eventKey, key, version, bytes, updatedAt: updated_at.toISOString(), messageId: message_id, stream, seq };
}
