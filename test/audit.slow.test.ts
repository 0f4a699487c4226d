import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Audit } from '../cmd/visapi/conservation-audit.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { openSystem, until } from './system-bed.ts';

test('the audit finds every accepted event, and says what is missing where somebody has taken it away', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('octo', 'repeat')]);
  const audit = async (): Promise<{ code: number; found: Audit }> => {
    const { code, stdout } = await system.visapi('audit', '--json');
    return { code, found: JSON.parse(stdout) as Audit };
  };
  const ids: string[] = [];
  for (let number = 0; number < 6; number++) ids.push((await system.post({ repository: `octo/r${number}`, tag: 'v1' })).id);
  for (let number = 0; number < 2; number++) ids.push((await system.post({ repository: `other/r${number}`, tag: 'v1' })).id);
  await system.behave({ match: { textIncludes: 'octo/dead' }, answer: { status: 400, body: 'invalid_blocks' } });
  ids.push((await system.post({ repository: 'octo/dead', tag: 'v1' })).id);

  let last: Audit | undefined;
  await until('everything has ended', async () => {
    last = (await audit()).found;
    return last.log.messages === ids.length && last.events.waiting === 0;
  });
  const { log, events, journals, unaccounted } = last!;
  assert.deepEqual(unaccounted, []);
  assert.deepEqual([events.done, events.unrouted, events['dead-lettered']], [6, 2, 1]);
  assert.deepEqual([log.firstSeq, log.lastSeq], [1, ids.length]);
  assert.deepEqual(
    journals.map(({ inLog, waiting, missing }) => [inLog, waiting, missing]),
    [[ids.length, 0, []]],
  );
  assert.equal((await audit()).code, 0);
  const people = await system.visapi('audit');
  assert.match(people.stdout, /Every accepted event is accounted for/);

  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  t.after(() => connection.close());
  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.EVENTS', { seq: 3, no_erase: true });
  await system.database.query({ text: 'delete from events where id = $1', values: [ids[0]] });
  await system.database.query({ text: 'delete from steps where run in (select id from runs where event_id = $1)', values: [ids[1]] });
  await system.database.query({ text: 'delete from runs where event_id = $1', values: [ids[1]] });
  const { code, found } = await audit();
  assert.equal(code, 1);
  assert.deepEqual(
    found.unaccounted.toSorted((a, b) => a.what.localeCompare(b.what)).map(({ what, count, examples }) => [what, count, examples]),
    [
      ['deleted', 1, ['3']],
      ['lost', 1, [`${ids[1]} (sequence 2)`]],
      ['missing', 1, [`journal ${journals[0]!.id}, number 3`]],
      ['unrecorded', 1, [`${ids[0]} (sequence 1)`]],
    ],
  );
});
