import { type Kysely, sql } from 'kysely';
import { DATABASE_PROGRAMS, type Right, rightsOn, roleOf, TABLE_RIGHTS } from './table-rights.ts';

/** What was done about the programs' roles. */
export interface AppliedRights {
  /** Tables and sequences on which some role's rights were not as declared. */
  readonly changed: readonly string[];
  /** Roles that are not there and that this user may not create: who runs the server has to. */
  readonly missingRoles: readonly string[];
}

/**
 * Creates the programs' roles where they are missing (able to log in, without a password) and gives each of them exactly what
 * lib/store/table-rights.ts declares, in one transaction. May run in several processes at once, and again: it changes only what
 * is not so.
 */
export async function applyRights(db: Kysely<unknown>): Promise<AppliedRights> {
  return await db.transaction().execute(async (tables) => {
    // Any number will do; two processes that grant at once would fail on the catalogue's rows.
    await sql`select pg_advisory_xact_lock(706_941_003)`.execute(tables);
    const missingRoles = await createRoles(tables);
    const roles = DATABASE_PROGRAMS.map((program) => ({ program, role: roleOf(program) })).filter(
      ({ role }) => !missingRoles.includes(role),
    );
    const given = await readGiven(tables);
    const changed = new Set<string>();
    for (const { name, kind, owner } of await readRelations(tables))
      for (const { program, role } of roles) {
        const wanted = kind === 'sequence' ? sequenceRights(rightsOn(owner, program)) : rightsOn(name, program);
        const has = given.get(`${role} ${name}`) ?? [];
        if (has.toSorted().join() === wanted.toSorted().join()) continue;
        changed.add(name);
        const on = sql`${sql.raw(kind)} ${sql.table(name)}`;
        await sql`revoke all on ${on} from ${sql.ref(role)}`.execute(tables);
        if (wanted.length > 0) await sql`grant ${sql.raw(wanted.join(', '))} on ${on} to ${sql.ref(role)}`.execute(tables);
      }
    return { changed: [...changed], missingRoles };
  });
}

/** Who inserts into a table takes the next number of its sequence. */
function sequenceRights(rights: readonly Right[]): readonly string[] {
  return rights.includes('insert') ? ['usage'] : [];
}

/** @returns those that are missing and may not be created */
async function createRoles(tables: Kysely<unknown>): Promise<string[]> {
  const roles = DATABASE_PROGRAMS.map(roleOf);
  for (const role of roles)
    // Roles belong to the whole server: another database's migration may be creating the same one.
    await sql`${sql.raw(`
      do $$ begin
        if not exists (select from pg_roles where rolname = '${role}') then create role ${role} login; end if;
      exception when insufficient_privilege or duplicate_object or unique_violation then null;
      end $$`)}`.execute(tables);
  const { rows } = await sql<{ rolname: string }>`select rolname from pg_roles where rolname = any(${roles})`.execute(tables);
  return roles.filter((role) => !rows.some(({ rolname }) => rolname === role));
}

interface Relation {
  readonly name: string;
  readonly kind: 'table' | 'sequence';
  /** The table that a sequence numbers; of a table itself. */
  readonly owner: string;
}

/** The declared tables that are there, and their sequences. */
async function readRelations(tables: Kysely<unknown>): Promise<Relation[]> {
  const names = Object.keys(TABLE_RIGHTS);
  const { rows } = await sql<Relation>`
    select c.relname as name, case c.relkind when 'S' then 'sequence' else 'table' end as kind, coalesce(t.relname, c.relname) as owner
    from pg_class c
    left join pg_depend d on c.relkind = 'S' and d.objid = c.oid and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
    left join pg_class t on t.oid = d.refobjid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'S') and coalesce(t.relname, c.relname) = any(${names})
    order by c.relname`.execute(tables);
  return rows;
}

/** Rights by `role relation`, as the catalogue has them. */
async function readGiven(tables: Kysely<unknown>): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ role: string; name: string; rights: string[] }>`
    select r.rolname as role, c.relname as name, array_agg(lower(a.privilege_type)) as rights
    from pg_class c cross join lateral aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
    where c.relnamespace = current_schema()::regnamespace and r.rolname = any(${DATABASE_PROGRAMS.map(roleOf)})
    group by 1, 2`.execute(tables);
  return new Map(rows.map(({ role, name, rights }) => [`${role} ${name}`, rights]));
}
