import assert from 'node:assert/strict';
import test from 'node:test';
import pg from 'pg';
import { openTestBed } from '../dev/test-bed.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';

test('processes that migrate at once apply every migration once', async (t) => {
  const { databaseUrl } = await openTestBed(t, { migrated: false });
  const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(databaseUrl)));
  assert.deepEqual(applied.flat(), [
    '0001-record',
    '0002-projection',
    '0003-audit-log',
    '0004-step-reason',
    '0005-timers',
    '0006-dead-letter-groups',
    '0007-replays',
    '0008-actor-states',
    '0009-members',
    '0010-open-sequences',
  ]);
  assert.deepEqual(await migrate(databaseUrl), []);
});

test('a database that may lose a commit is refused, unless told otherwise', async (t) => {
  const { databaseUrl: url } = await openTestBed(t, { migrated: false });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`);
  await client.end();
  await assert.rejects(
    openDatabase({ url, applicationName: 'test' }),
    /may lose what it has confirmed: .*synchronous_commit is off.*; expected on/,
  );
  await (await openDatabase({ url, applicationName: 'test', allowUnsafe: true })).close();
});

test('a database that is not there is transient', async () => {
  await assert.rejects(openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' }), {
    name: 'DatabaseUnavailable',
  });
});
