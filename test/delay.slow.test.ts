import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { logStreams } from '../streams/log-streams.ts';
import { openSystem, until } from './system-bed.ts';

/** Longer than what happens meanwhile takes on a busy machine. */
const DELAY_MS = 12_000;
/** For the log, in nanoseconds: long enough that what is in it is read, and shorter than the delay. */
const KEPT_NS = 5e9;

const workflow = JSON.stringify({
  name: 'remind',
  on: { event: 'release.published', source: 'github' },
  steps: [
    { id: 'pause', uses: 'delay', with: { for: `${DELAY_MS / 1_000}s` } },
    { id: 'tell', uses: 'slack.send', with: { channel: '#releases', text: '{{ event.data.release.tag_name }} was a while ago' } },
  ],
});

test('delays outlive the log, kills and the person who cancels one', async (t) => {
  const system = await openSystem(t, [workflow]);
  const textsOf = async (tag: string): Promise<string[]> =>
    (await system.messages()).map(({ text }) => text).filter((text) => text.startsWith(`${tag} `));

  await t.test(
    'one that is longer than the log keeps anything ends on time, once, although processor and broker are killed in it',
    async () => {
      const connection = await connectBroker({ url: system.broker.url, name: 'test' });
      for (const stream of logStreams({ totalBytes: 256 * 1024 ** 2 }).filter(({ name }) => name === 'EVENTS' || name === 'COMMANDS'))
        await requestApi(
          connection,
          `$JS.API.STREAM.UPDATE.${stream.name}`,
          { ...stream, max_age: KEPT_NS, duplicate_window: KEPT_NS },
          30_000,
        );
      await connection.close();

      const { id } = await system.post({ repository: 'a/b', tag: 'v1' });
      const stepOf = async (): Promise<{ run: string; due_at: Date } | undefined> => {
        const text = `select s.run, s.due_at from steps s join runs r on r.id = s.run where r.event_id = $1 and s.path = 'pause'`;
        return (await system.database.query<{ run: string; due_at: Date }>({ text, values: [id] }))[0];
      };
      await until('the run waits', async () => (await stepOf()) !== undefined);
      const { run, due_at: dueAt } = (await stepOf())!;
      process.kill(system.programs.processor.pid!, 'SIGKILL');
      await system.broker.kill();
      await system.broker.start();
      const shown = await system.visapi('runs', 'show', run);
      assert.match(shown.stdout, new RegExp(`until ${dueAt.toISOString()}`));
      assert.match((await system.visapi('trace', id)).stdout, new RegExp(`step pause: waits until ${dueAt.toISOString()}`));
      assert.deepEqual(await system.messages(), []);

      await until('the message has come', async () => (await system.messages()).length === 1, 30_000);
      assert.ok(Date.now() >= dueAt.getTime());
      assert.deepEqual(await textsOf('v1'), ['v1 was a while ago']);
      await until('the run is done', async () => /^Run \w+: done/.test((await system.visapi('runs', 'show', run)).stdout));
      assert.equal((await system.attempts()).length, 1);
    },
  );

  await t.test('runs that a person opens run like any other, and one that is cancelled while it waits tells nobody', async () => {
    const openRun = async (tag: string): Promise<string> => {
      const data = JSON.stringify({ release: { tag_name: tag } });
      const { code, stdout, stderr } = await system.visapi('workflows', 'run', 'remind', '--data', data, '--key', 'k', '--json');
      assert.equal(code, 0, stderr);
      return (JSON.parse(stdout) as { run: string }).run;
    };
    const isThere = async (run: string, text: RegExp): Promise<boolean> => text.test((await system.visapi('runs', 'show', run)).stdout);
    const cancelled = await openRun('v2');
    await until('the first run waits', () => isThere(cancelled, /until/));
    assert.equal((await system.visapi('runs', 'cancel', cancelled)).code, 0);
    await until('the first run is cancelled', () => isThere(cancelled, /: cancelled/));
    const second = await openRun('v3');
    await until('the second run is done', () => isThere(second, /: done/), 30_000);
    assert.deepEqual([await textsOf('v2'), await textsOf('v3')], [[], ['v3 was a while ago']]);
    assert.ok(await isThere(cancelled, /: cancelled/));
  });
});
