import pg from 'pg';
import type { AcquiredUnit, Member, UnitId, UnitLease } from '../actor/record-port.ts';
import { DatabaseUnavailable } from './database-error.ts';
import { connectionConfig, type Database, type DatabaseOptions, query, type Statement } from './database.ts';
import { toRowsParameter } from './clean-text.ts';
import { distinctUnits } from './fenced-statement.ts';

/**
 * Leases. Their time is the database's clock alone (`clock_timestamp()`: `now()` stands still while a statement waits for a
 * lock), so clocks of processes need not agree. Rows are locked in one order everywhere, so leases never deadlock.
 */

/**
 * Waits for writes of the last owner that are under way: raising the epoch conflicts with their lock.
 *
 * `on conflict` names no columns: a row that somebody else inserts at the same moment may be met in either unique index, the
 * primary key's or the fence's, and with a target the other one would be an error.
 */
const ACQUIRE = `
with wanted as materialized (select * from json_to_recordset($2::json) as r(actor text, partition int)),
free as materialized (
  select u.actor, u.partition, u.owner is not null as unclean
  from units u join wanted w on w.actor = u.actor and w.partition = u.partition
  where u.owner is null or u.owner = $1 or u.lease_until < clock_timestamp()
  order by u.actor, u.partition
  for update of u
),
taken as (
  update units u
  set owner = $1, epoch = u.epoch + 1, lease_until = clock_timestamp() + $3 * interval '1 millisecond', acquired_at = clock_timestamp()
  from free f where u.actor = f.actor and u.partition = f.partition
  returning u.actor, u.partition, u.epoch, f.unclean
),
added as (
  insert into units (actor, partition, owner, epoch, lease_until)
  select w.actor, w.partition, $1, 1, clock_timestamp() + $3 * interval '1 millisecond'
  from wanted w where not exists (select from units u where u.actor = w.actor and u.partition = w.partition)
  order by w.actor, w.partition
  on conflict do nothing
  returning actor, partition, epoch, false as unclean
)
select * from taken union all select * from added order by actor, partition`;

/**
 * An expired lease whose epoch is unchanged is simply renewed: nobody took it. Its owner is said to live by the same statement, so that a
 * dead one's units are free at the moment at which it is missed. A member that nobody has heard of for an hour is forgotten.
 */
const RENEW = `
with seen as (
  insert into members as m (name, nonce, actors, seen_until)
  values ($1, $4, $5, clock_timestamp() + $3 * interval '1 millisecond')
  on conflict (name) do update set nonce = excluded.nonce, actors = excluded.actors, seen_at = excluded.seen_at, seen_until = excluded.seen_until,
    joined_at = case when m.nonce = excluded.nonce and m.seen_until > clock_timestamp() then m.joined_at else excluded.joined_at end
),
forgotten as (
  delete from members where name in (
    select name from members where name <> $1 and seen_until < clock_timestamp() - interval '1 hour' for update skip locked)
),
given as materialized (select * from json_to_recordset($2::json) as r(actor text, partition int, epoch bigint)),
ours as materialized (
  select u.actor, u.partition from units u join given g on g.actor = u.actor and g.partition = u.partition and g.epoch = u.epoch
  where u.owner = $1
  order by u.actor, u.partition
  for no key update of u
)
update units u set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
from ours o where u.actor = o.actor and u.partition = o.partition
returning u.actor, u.partition, u.epoch`;

const RELEASE = `
with given as materialized (select * from json_to_recordset($1::json) as r(actor text, partition int, epoch bigint)),
ours as materialized (
  select u.actor, u.partition from units u join given g on g.actor = u.actor and g.partition = u.partition and g.epoch = u.epoch
  order by u.actor, u.partition
  for no key update of u
)
update units u set owner = null, lease_until = null from ours o where u.actor = o.actor and u.partition = o.partition`;

export async function acquireUnits(database: Database, owner: string, units: readonly UnitId[], leaseMs: number): Promise<AcquiredUnit[]> {
  if (units.length === 0) return [];
  const wanted = units.map(({ actor, partition }) => ({ actor, partition }));
  return await database.query<AcquiredUnit>({ name: 'acquire', text: ACQUIRE, values: [owner, toRowsParameter(wanted), leaseMs] });
}

export async function releaseUnits(database: Database, leases: readonly UnitLease[]): Promise<void> {
  if (leases.length === 0) return;
  await database.query({ name: 'release', text: RELEASE, values: [toRowsParameter(distinctUnits(leases))] });
}

/** Longer than any update of a lease, shorter than what is left of a lease when its renewal is sent (3 s - 0.75 s). */
const RENEW_TIMEOUT_MS = 1_000;

/** The renewals' own connection: a full pool or a slow settling must not cost a lease. It is opened again after an error. */
export class LeaseRenewal {
  readonly #options: DatabaseOptions;
  #client: Promise<pg.Client> | undefined;
  #isClosed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  async renew({ name, nonce, actors }: Member, leases: readonly UnitLease[], leaseMs: number): Promise<UnitLease[]> {
    const values = [name, toRowsParameter(distinctUnits(leases)), leaseMs, nonce, [...actors]];
    const statement: Statement = { name: 'renew', text: RENEW, values };
    const opening = (this.#client ??= this.#open());
    try {
      return await query<pg.QueryResultRow & UnitLease>(await opening, statement);
    } catch (error) {
      await this.#discard(opening);
      throw error;
    }
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#client !== undefined) await this.#discard(this.#client);
  }

  async #open(): Promise<pg.Client> {
    if (this.#isClosed) throw new Error('the lease connection is closed');
    const client = new pg.Client({
      ...connectionConfig({ ...this.#options, applicationName: `${this.#options.applicationName} leases` }),
      lock_timeout: RENEW_TIMEOUT_MS,
      statement_timeout: RENEW_TIMEOUT_MS,
      query_timeout: RENEW_TIMEOUT_MS + 200,
      connectionTimeoutMillis: RENEW_TIMEOUT_MS,
    });
    client.on('error', () => void this.#discard(this.#client));
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw new DatabaseUnavailable(error);
    }
    return client;
  }

  async #discard(opening: Promise<pg.Client> | undefined): Promise<void> {
    if (opening === undefined) return;
    if (this.#client === opening) this.#client = undefined;
    const client = await opening.catch(() => undefined);
    await client?.end().catch(() => undefined);
  }
}
