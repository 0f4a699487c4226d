import { randomUUID } from 'node:crypto';
import type { ParkedRow, UnitLease } from '../actor/record-port.ts';
import type { Database } from './database.ts';
import { fencedStatement, type StatementPart } from './fenced-statement.ts';
import { PARKED_COLUMNS, type ParkedRecord, parkedRowOf } from './load-unit.ts';
import { unitOf } from './settle-record.ts';

/**
 * Hands rows that a person parked to their unit's owner: each once per owner. A new owner gets those again that the last one
 * had not parked anew, and so does the same owner where it never heard the answer: that call's token is used again.
 */
export class Adoption {
  readonly #database: Database;
  readonly #unheard = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
  }

  async adopt(leases: readonly UnitLease[]): Promise<ParkedRow[]> {
    if (leases.length === 0) return [];
    const token = randomUUID();
    const rows = leases.map((lease) => ({ ...unitOf(lease), token: this.#unheard.get(place(lease)) ?? token }));
    for (const row of rows) this.#unheard.set(place(row), row.token);
    const statement = fencedStatement('adopt', leases, [{ part: ADOPT, rows }], SELECT_ADOPTED);
    const adopted = await this.#database.query<ParkedRecord & UnitLease>(statement);
    for (const row of rows) this.#unheard.delete(place(row));
    return adopted.map((row) => parkedRowOf(unitOf(row), row));
  }
}

const place = ({ actor, partition, epoch }: UnitLease): string => `${actor}/${partition}/${epoch}`;

const ADOPT: StatementPart = {
  name: 'adopt',
  columns: 'token text',
  write: `
adopt_write as (
  update parked p set taken_epoch = a.epoch, taken_token = a.token from adopt a
  where p.actor = a.actor and p.partition = a.partition and not p.adopted
    and (p.taken_epoch is distinct from a.epoch or p.taken_token = a.token)
  returning p.actor, p.partition, a.epoch, ${PARKED_COLUMNS.split(', ')
    .map((column) => `p.${column}`)
    .join(', ')}
)`,
};

const SELECT_ADOPTED = 'select * from adopt_write order by stream, seq';
