import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

const template = 'visapi_template';

/** Makes a database for one test: a copy of the migrated template (20 ms) instead of all migrations again. */
export async function cloneDatabase(serverUrl: string, migrated: boolean): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(serverUrl, async (client) => {
    if (!migrated) {
      await client.query(`create database ${name}`);
      return;
    }
    // One file at a time builds the template and copies it: a copy needs the template without connections.
    await client.query('select pg_advisory_lock(2)');
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template]);
    if (!rowCount) await buildTemplate(client, serverUrl);
    await client.query(`create database ${name} template ${template} strategy file_copy`);
  });
  return databaseUrl(serverUrl, name);
}

/** Removes all rows and starts all sequences again; whoever is still connected is cut off. The schema has to be the template's. */
export async function emptyDatabase(url: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(`
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();
-- Without the triggers that keep tables append only, and without the order that foreign keys ask for.
set session_replication_role = replica;
do $$
declare name text;
begin
  for name in select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' loop
    execute format('delete from %I', name);
  end loop;
  for name in select sequencename from pg_sequences where schemaname = 'public' loop
    execute format('alter sequence %I restart', name);
  end loop;
end $$`),
  );
}

/** Drops a test's database and cuts whoever still uses it. */
export async function dropDatabase(serverUrl: string, url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withClient(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`));
}

async function buildTemplate(client: Client, serverUrl: string): Promise<void> {
  const building = `${template}_building`;
  await client.query(`drop database if exists ${building} with (force)`);
  await client.query(`create database ${building}`);
  // Loaded here: one file of a run builds the template.
  const { migrate } = await import('../store/migrate.ts');
  await migrate(databaseUrl(serverUrl, building));
  await client.query(`alter database ${building} rename to ${template}`);
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
