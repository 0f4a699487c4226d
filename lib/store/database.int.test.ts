import assert from 'node:assert/strict';
import test from 'node:test';
import { poll } from '../dev/poll.ts';
import { openTestBed } from '../dev/test-bed.ts';
import { openDatabase } from './database.ts';

test('a closed database has no connection any more, whichever way it was asked', async (t) => {
  const { databaseUrl } = await openTestBed(t);
  const watcher = await openDatabase({ url: databaseUrl, applicationName: 'watcher', allowUnsafe: true });
  t.after(() => watcher.close());
  const ways = {
    plain: (database: typeof watcher) => database.query({ text: 'select 1' }),
    tables: (database: typeof watcher) => database.tables.selectFrom('runs').select('id').execute(),
    neither: () => Promise.resolve(),
  };
  for (const [name, ask] of Object.entries(ways)) {
    const database = await openDatabase({ url: databaseUrl, applicationName: name, allowUnsafe: true });
    await ask(database);
    await Promise.all([database.close(), database.close()]);
    const text = 'select pid from pg_stat_activity where application_name = $1';
    const isGone = async (): Promise<true | undefined> => ((await watcher.query({ text, values: [name] })).length === 0 ? true : undefined);
    // The server notices a moment later.
    assert.ok(await poll(isGone, { deadlineMs: 30_000, what: `the connections of ${name} to be gone` }));
  }
});
