import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { openTestBed } from '../dev/test-bed.ts';
import { applyRights } from './apply-rights.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { DATABASE_PROGRAMS, rightsOn, roleOf, TABLE_RIGHTS } from './table-rights.ts';

/** All that PostgreSQL 18 can give on a table. */
const PRIVILEGES = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain'];

test('each program may do on each table exactly what is declared, and a table that is not declared is named', async (t) => {
  const { databaseUrl: url } = await openTestBed(t);
  const database = await openDatabase({ url, applicationName: 'test', allowUnsafe: true });
  t.after(() => database.close());
  const there = await database.query<{ name: string }>({
    text: `select c.relname as name from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm')`,
  });
  const names = there.map(({ name }) => name);
  for (const name of names)
    assert.ok(
      Object.hasOwn(TABLE_RIGHTS, name),
      `nobody has said who may use the table ${name}: add it to TABLE_RIGHTS in lib/store/table-rights.ts, e.g. ${name}: { actors: ['select'], tool: ['select', 'insert'] }, and run npm run docs`,
    );
  assert.deepEqual(
    Object.keys(TABLE_RIGHTS).filter((name) => !names.includes(name)),
    [],
    'tables of lib/store/table-rights.ts that no migration makes',
  );

  // What counts in the end: with what everybody may do, with memberships, and on any of the columns.
  const rows = await database.query<{ role: string; name: string; may: string[] }>({
    text: `
      select r.role, n.name, array(
        select p from unnest($3::text[]) p
        where has_table_privilege(r.role, n.name, p) or (p in ('select', 'insert', 'update', 'references') and has_any_column_privilege(r.role, n.name, p))
      ) as may
      from unnest($1::text[]) as r(role), unnest($2::text[]) as n(name)`,
    values: [DATABASE_PROGRAMS.map(roleOf), names, PRIVILEGES],
  });
  const found = Object.fromEntries(rows.map(({ role, name, may }) => [`${role} ${name}`, may.join(' ')]));
  const declared = Object.fromEntries(
    DATABASE_PROGRAMS.flatMap((program) => names.map((name) => [`${roleOf(program)} ${name}`, rightsOn(name, program).join(' ')])),
  );
  assert.deepEqual(found, declared);

  const [roles] = await database.query<{ special: number; members: number; creators: number; foreign: number }>({
    text: `
      select
        (select count(*)::int from pg_roles where rolname = any($1) and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or not rolcanlogin)) as special,
        (select count(*)::int from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = any($1)) as members,
        (select count(*)::int from unnest($1) as r(role) where has_schema_privilege(r.role, current_schema(), 'create')) as creators,
        (select count(*)::int from pg_class c cross join lateral aclexplode(c.relacl) a
          where c.relnamespace = current_schema()::regnamespace and a.grantee = 0) as foreign`,
    values: [DATABASE_PROGRAMS.map(roleOf)],
  });
  assert.deepEqual(roles, { special: 0, members: 0, creators: 0, foreign: 0 });
});

test('a program is refused what it has no right to, and a right that somebody changed is put back by the next migration', async (t) => {
  const { databaseUrl } = await openTestBed(t);
  const owner = await openDatabase({ url: databaseUrl, applicationName: 'test', allowUnsafe: true });
  const url = new URL(databaseUrl);
  url.username = roleOf('notifier');
  const notifier = await openDatabase({ url: url.toString(), applicationName: 'test', allowUnsafe: true });
  t.after(async () => {
    await notifier.close();
    await owner.close();
  });
  const denied = { code: '42501' };
  for (const text of ['select from runs', 'delete from dead_letters', 'select from audit_log', 'create table mine ()', 'truncate parked'])
    await assert.rejects(notifier.query({ text }), denied, text);
  // A number of the sequence is a part of inserting.
  await notifier.query({
    text: `insert into outbox (actor, partition, id, subject, key, headers, body) values ('slack', 0, 'a', 's', 'k', '{}', 'b')`,
  });

  const tables = owner.tables as unknown as Kysely<unknown>;
  assert.deepEqual(await applyRights(tables), { changed: [], missingRoles: [] });
  await sql`grant select on runs to visapi_notifier`.execute(tables);
  await sql`revoke all on sequence outbox_position_seq from visapi_notifier`.execute(tables);
  assert.deepEqual(await notifier.query({ text: 'select from runs' }), []);
  assert.deepEqual(await migrate(databaseUrl), []);
  await assert.rejects(notifier.query({ text: 'select from runs' }), denied);
  assert.deepEqual((await notifier.query({ text: `select nextval('outbox_position_seq')` })).length, 1);
});
