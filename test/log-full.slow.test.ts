import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Trim } from '../cmd/visapi/log-trim.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { readBounds } from '../lib/jetstream/log-reader.ts';
import { eventsStream } from '../streams/events.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { openSystem, until } from './system-bed.ts';

/** Of EVENTS: some 60 of the events below. */
const MAX_BYTES = 36_000;
const COUNT = 100;

test('a log at its limit refuses no event: the journal keeps them, a trim takes what is settled and nothing that waits, and all come through', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('octo', 'repeat')]);
  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  t.after(() => connection.close());
  await requestApi(connection, '$JS.API.STREAM.UPDATE.EVENTS', eventsStream({ maxBytes: MAX_BYTES }), 30_000);
  const trim = async (): Promise<Trim> => {
    const { code, stdout, stderr } = await system.visapi('log', 'trim', '--before', '0s', '--force', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Trim;
  };
  const journalDepth = async () => Number(/^visapi_journal_records (\d+)$/m.exec(await system.metrics('ingest'))?.[1]);
  const recorded = async () => {
    const [row] = await system.database.query<{ count: number }>({ text: 'select count(*)::int as count from events' });
    return row!.count;
  };

  const answers: number[] = [];
  for (let number = 0; number < COUNT; number++) {
    // The 21st one waits: its channel answers 500.
    if (number === 20) await system.behave({ match: { textIncludes: 'octo/late' }, times: 1_000, answer: { status: 500 } });
    answers.push((await system.post({ repository: number === 20 ? 'octo/late' : `other/r${number}`, tag: `v${number}` })).status);
  }
  assert.deepEqual(new Set(answers), new Set([202]));
  await until('the journal keeps what the log does not take', async () => (await journalDepth()) > 0);
  const full = await readBounds(connection, 'EVENTS');
  assert.ok(full.lastSeq < COUNT && full.bytes <= MAX_BYTES, `${full.lastSeq} events, ${full.bytes} bytes`);
  await until('all that the log has is settled', async () => (await recorded()) === full.lastSeq);

  const planned = await system.visapi('log', 'trim', '--before', '0s', '--force', '--dry-run');
  assert.match(
    planned.stdout,
    /^20 events would be removed; the log begins at sequence 21\.\nNot all .* sequence 21 is the event of a run/m,
  );
  const young = await system.visapi('log', 'trim', '--before', '1h');
  assert.deepEqual([young.code, /at least three days ago/.test(young.stderr)], [2, true]);
  const { messages, keepFrom, held } = await trim();
  assert.deepEqual([messages, keepFrom, held?.seq], [20, 21, 21]);
  await until('what had room came into the log', async () => (await readBounds(connection, 'EVENTS')).lastSeq > full.lastSeq);

  await system.behaveWell();
  await until(
    'the run that waited has ended',
    async () => (await system.messages()).some(({ text }) => text.startsWith('octo/late')),
    60_000,
  );
  await until('everything came through', async () => {
    await trim();
    return (await recorded()) === COUNT && (await journalDepth()) === 0;
  });
  assert.equal((await readBounds(connection, 'EVENTS')).lastSeq, COUNT);
  const audit = await system.visapi('audit');
  assert.equal(audit.code, 0, audit.stdout);
});
