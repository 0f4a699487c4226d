import assert from 'node:assert/strict';
import test from 'node:test';
import { createRunReader } from './run-reader.ts';
import { EVENT, openStory, RUN, STEP } from './test-story.ts';
import { applyWorkflow } from './workflows.ts';

test('a workflow is saved as versions that nobody can change', async (t) => {
  const story = await openStory(t);
  const apply = (text: string) => applyWorkflow(story.database, { name: 'w', document: { b: text, a: 1 }, who: 'ada' });
  assert.deepEqual((await Promise.all([apply('x'), apply('x'), apply('x')])).filter(({ isNew }) => isNew).length, 1);
  assert.deepEqual(await apply('y'), { name: 'w', version: 2, isNew: true });
  const reader = createRunReader(story.database);
  assert.deepEqual(
    (await reader.enabledWorkflows()).map(({ name, version, document }) => [name, version, document]),
    [['w', 2, { a: 1, b: 'y' }]],
  );
  assert.equal((await reader.workflowVersion('w', 1))?.version, 1);
  assert.equal(await reader.workflowVersion('w', 9), undefined);
  for (const text of ['update workflow_versions set version = 9', 'delete from audit_log', 'truncate audit_log'])
    await assert.rejects(story.database.query({ text }), /append only/);
});

test('questions that come together are answered together, each with its own answer', async (t) => {
  const story = await openStory(t);
  await story.turn(
    EVENT,
    RUN,
    STEP,
    { ...RUN, id: 'run2', eventId: 'event2' },
    { ...STEP, run: 'run2', path: 'b', position: 1 },
    { ...STEP, run: 'run2', path: 'a', position: 0 },
  );
  const reader = createRunReader(story.database);
  const [one, two, none, runs, noRuns] = await Promise.all([
    reader.run('run'),
    reader.run('run2'),
    reader.run('run3'),
    reader.runsOfEvent('event'),
    reader.runsOfEvent('nobody'),
  ]);
  assert.deepEqual(one, { run: RUN, steps: [STEP] });
  assert.deepEqual(
    two?.steps.map(({ path }) => path),
    ['a', 'b'],
  );
  assert.equal(none, undefined);
  assert.deepEqual([[...runs], [...noRuns]], [['run'], []]);
});
