import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { HEADERS } from '../../../lib/core/headers.ts';
import { connectBroker } from '../../../lib/jetstream/connection.ts';
import { readStored } from '../../../lib/jetstream/log-reader.ts';
import { applyStreams } from '../../../lib/jetstream/stream-plan.ts';
import type { RunSummary } from '../../../lib/store/runs.ts';
import { EVENT, FAILED_ROWS, LETTER, openStory, RUN, STEP } from '../../../lib/store/test-story.ts';
import { applyWorkflow } from '../../../lib/store/workflows.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { STREAMS } from '../../../streams/subjects.ts';
import { createTestTool } from '../test-tool.ts';

const BROKEN = { reason: 'invalid', because: 'no such field', place: 'steps[0].with.text' };

async function openScene(t: TestContext) {
  const story = await openStory(t);
  const connection = await connectBroker({ url: story.natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const { run: visapi, spawn } = createTestTool({ DATABASE_URL: story.database.options.url, NATS_URL: story.natsUrl });
  const apply = (text: string) =>
    applyWorkflow(story.database, { name: 'w', document: { name: 'w', steps: [{ id: 'notify', with: { text } }] }, who: 'ada' });
  return { story, connection, visapi, spawn, apply };
}

test('a run that stands failed without a dead letter is listed, and its step is retried with the mended version', async (t) => {
  const { story, connection, visapi, apply } = await openScene(t);
  await apply('one');
  await story.turn(EVENT, { ...RUN, status: 'failed', error: BROKEN }, { ...STEP, status: 'failed', error: BROKEN });
  await story.turn({ ...RUN, id: 'other', status: 'done' });
  await apply('two');
  const [list, shown, trace, elsewhere, unknown] = await Promise.all([
    visapi('runs', 'list', '--status', 'failed', '--json'),
    visapi('runs', 'show', 'run'),
    visapi('trace', 'event'),
    visapi('runs', 'retry-step', 'run', '--step', 'nowhere'),
    visapi('runs', 'retry-step', 'nothing'),
  ]);
  assert.deepEqual(
    (JSON.parse(list.stdout) as RunSummary[]).map(({ id, step, deadLetterId, error }) => [id, step, deadLetterId, error?.because]),
    [['run', 'notify', null, 'no such field']],
  );
  assert.match(shown.stdout, /notify │ slack\.send │ failed │ invalid: no such field/);
  assert.match(trace.stdout, /visapi runs retry-step run/);
  assert.deepEqual([elsewhere.code, unknown.code], [1, 3]);

  const retried = await visapi('runs', 'retry-step', 'run', '--step', 'notify', '--json');
  const { generation, version } = JSON.parse(retried.stdout) as { generation: string; version: number };
  assert.equal(version, 2);
  const message = await readStored(connection, STREAMS.commands, 1);
  assert.deepEqual(
    [message?.id, message?.key, message?.headers[HEADERS.ceType]],
    [`run/notify/retry#${generation}`, EVENT.key, 'step.retry'],
  );
  assert.deepEqual(JSON.parse(Buffer.from(message!.body).toString()), {
    step: 'notify',
    generation,
    workflow: 'w',
    version: 2,
    deadLetter: null,
  });
  const audit = await story.database.query<{ target: string }>({ text: "select target from audit_log where action = 'run.retry-step'" });
  assert.deepEqual(audit, [{ target: 'run' }]);

  // Given again before it is worked on it is the same retry; after the next failure it is a new one.
  assert.equal((JSON.parse((await visapi('runs', 'retry-step', 'run', '--json')).stdout) as { generation: string }).generation, generation);
  await story.turn({ ...STEP, status: 'failed', error: BROKEN, generation, version: 2, commandId: `run/notify#${generation}` });
  const again = await visapi('runs', 'retry-step', 'run', '--json');
  assert.notEqual((JSON.parse(again.stdout) as { generation: string }).generation, generation);
  assert.match(again.stderr, /version 2 of w is the one that failed/);
});

test('a run that does not stand failed, or that a dead letter stands for, is not retried', async (t) => {
  const { story, visapi, spawn, apply } = await openScene(t);
  await apply('one');
  await story.turn(EVENT, RUN, STEP);
  assert.match((await visapi('runs', 'retry-step', 'run')).stderr, /run run is running, not failed/);
  await story.die();
  await story.turn(...FAILED_ROWS);
  const dead = await spawn('runs', 'retry-step', 'run');
  assert.deepEqual([dead.code, dead.stdout], [1, '']);
  assert.ok(dead.stderr.includes(LETTER) && dead.stderr.includes('visapi dead redeliver'), dead.stderr);
});

test('a run is cancelled by a message to its lane, and one that has ended is not', async (t) => {
  const { story, connection, visapi } = await openScene(t);
  await story.turn(EVENT, RUN, STEP, { ...RUN, id: 'other', status: 'done' });
  const [cancelled, done, unknown] = await Promise.all([
    visapi('runs', 'cancel', 'run', '--json'),
    visapi('runs', 'cancel', 'other'),
    visapi('runs', 'cancel', 'nothing'),
  ]);
  assert.deepEqual([JSON.parse(cancelled.stdout), done.code, unknown.code], [{ run: 'run', workflow: 'w' }, 1, 3]);
  const message = await readStored(connection, STREAMS.commands, 1);
  assert.deepEqual([message?.id, message?.key, message?.headers[HEADERS.ceType]], ['run/cancel', EVENT.key, 'run.cancel']);
  assert.match((await visapi('trace', 'event')).stdout, /run cancelled by hand/);
});

test('a run is opened by hand by an event for its workflow alone, and the same id again is the same run', async (t) => {
  const { story, connection, visapi } = await openScene(t);
  const send = { id: 'tell', uses: 'slack.send', with: { channel: '#a', text: 'x' } };
  await applyWorkflow(story.database, {
    name: 'w',
    document: { name: 'w', on: { event: ['order.paid', 'x'] }, steps: [send] },
    who: 'ada',
  });
  const words = ['workflows', 'run', 'w', '--data', '{"n":1}', '--key', 'A-17', '--id', 'try', '--json'];
  const [first, again, wrong] = [await visapi(...words), await visapi(...words), await visapi('workflows', 'run', 'w', '--data', '{')];
  const { run, event } = JSON.parse(first.stdout) as { run: string; event: string };
  assert.deepEqual([JSON.parse(again.stdout), wrong.code], [{ run, event, workflow: 'w', version: 1 }, 2]);
  const message = await readStored(connection, STREAMS.events, 1);
  assert.deepEqual(
    [
      message?.id,
      message?.key,
      message?.headers[HEADERS.workflow],
      message?.headers[HEADERS.ceType],
      Buffer.from(message!.body).toString(),
    ],
    [event, 'A-17', 'w', 'order.paid', '{"n":1}'],
  );
  assert.equal(await readStored(connection, STREAMS.events, 2), undefined);
});
