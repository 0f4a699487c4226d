import { isBroken } from '../core/guards.ts';
import type { UnitLease } from '../actor/record-port.ts';
import { type Column, columnArray, readColumns } from './column-arrays.ts';
import type { Statement } from './database.ts';

/**
 * A group of writes as one statement, hence one transaction, one round trip and one commit, and nothing that a process
 * frozen half-way could leave locked.
 *
 * 1. It begins by locking the rows of its units FOR KEY SHARE with their epochs: a take-over under way is waited for, and one
 *    that comes later waits for this statement. Units with a newer epoch are refused.
 * 2. Every part reads its rows joined with the units that are locked, so nothing of a refused unit is written.
 * 3. Parts do not see each other's changes: no two of them may write the same row.
 */
export interface StatementPart {
  /** Unique among the parts; the statement is prepared under the names of the parts that it has. */
  readonly name: string;
  /** `name type, ...` of the rows; `actor`, `partition` and `epoch` are added. */
  readonly columns: string;
  /** CTEs that read `from <part>`; the last one has the part's name with `_write` added. */
  readonly write: string;
}

/** The rows of one part; each has its unit's `actor`, `partition` and `epoch`. */
export interface PartRows {
  readonly part: StatementPart;
  readonly rows: readonly object[];
}

/** `prefix` names the kind of statement. `select` is what the statement gives back; it sees `refused` and every part by its name. */
export function fencedStatement(prefix: string, units: readonly UnitLease[], parts: readonly PartRows[], select: string): Statement {
  const present = parts.filter(({ rows }) => rows.length > 0);
  const names = [prefix, ...present.map(({ part }) => part.name)].join(' ');
  let prepared = PREPARED.get(names);
  if (prepared === undefined) {
    prepared = { name: `${prefix}-${PREPARED.size}`, text: statementText(present.map(({ part }) => part)) + select };
    PREPARED.set(names, prepared);
  }
  const given = distinctUnits(units);
  const numbers = new Map(given.map((unit, index) => [unitName(unit), index + 1]));
  const values = UNIT_COLUMNS.map((column) => columnArray(given, column));
  for (const { part, rows } of present) {
    values.push(`{${rows.map((row) => numbers.get(unitName(row as UnitLease)) ?? 0).join(',')}}`);
    for (const column of columnsOf(part)) values.push(columnArray(rows, column));
  }
  return { ...prepared, values };
}

/** By prefix and parts. In practice some dozens: the parts come in few combinations. */
const PREPARED = new Map<string, { readonly name: string; readonly text: string }>();

function statementText(parts: readonly StatementPart[]): string {
  let parameters = UNIT_COLUMNS.length;
  const parameter = (type: string): string => `$${++parameters}::${type}[]`;
  const ctes = parts.map((part) => {
    const columns = columnsOf(part);
    const arrays = [parameter('int'), ...columns.map(({ type, isList }) => parameter(isList ? 'text' : type))];
    const names = ['unit_number', ...columns.map(({ name }) => name)];
    const selected = columns.map(({ name, type, isList }) => (isList ? `r.${name}::${type}[] as ${name}` : `r.${name}`));
    return `${part.name} as (
  select unit.actor, unit.partition, unit.epoch, ${selected.join(', ')}
  from unnest(${arrays.join(', ')}) as r(${names.join(', ')}) join unit on unit.number = r.unit_number
),
${part.write}`;
  });
  return `with ${[UNIT, ...ctes].join(',\n')}\n`;
}

function columnsOf(part: StatementPart): readonly Column[] {
  let columns = COLUMNS.get(part);
  if (columns === undefined) COLUMNS.set(part, (columns = readColumns(part.columns)));
  return columns;
}

const COLUMNS = new Map<StatementPart, readonly Column[]>();

const UNIT_COLUMNS = readColumns('actor text, partition int, epoch bigint');

export const SELECT_REFUSED = 'select actor, partition, epoch from refused';

const IS_CURRENT = isBroken('epoch') ? 'true' : 'g.epoch = u.epoch';

const UNIT = `
given as materialized (select * from unnest($1::text[], $2::int[], $3::bigint[]) with ordinality as r(actor, partition, epoch, number)),
unit as materialized (
  select u.actor, u.partition, g.epoch, g.number from units u join given g on g.actor = u.actor and g.partition = u.partition and ${IS_CURRENT}
  for key share of u
),
refused as (select g.* from given g where not exists (select from unit u where u.actor = g.actor and u.partition = g.partition and u.epoch = g.epoch))`;

export function distinctUnits(leases: readonly UnitLease[]): { actor: string; partition: number; epoch: number }[] {
  const units = new Map<string, UnitLease>();
  for (const lease of leases) units.set(unitName(lease), lease);
  return [...units.values()].map(({ actor, partition, epoch }) => ({ actor, partition, epoch }));
}

function unitName({ actor, partition, epoch }: UnitLease): string {
  return `${actor}/${partition}/${epoch}`;
}
