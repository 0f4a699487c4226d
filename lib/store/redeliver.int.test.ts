import assert from 'node:assert/strict';
import test from 'node:test';
import { listDeadLetters } from './dead-letters.ts';
import { redeliverMessage } from './redeliver.ts';
import { AS_USUAL, AT, COMMAND, DONE_ROWS, EFFECT, EVENT, FAILED_ROWS, LATER, LETTER, openStory, RUN, STEP } from './test-story.ts';
import { applyWorkflow } from './workflows.ts';

test('a dead letter is redelivered once, and resolved by the end of its message', async (t) => {
  const story = await openStory(t);
  await story.turn(EVENT, RUN, STEP);
  await story.claim();
  await story.settle({ effects: [{ unit: story.slack, id: EFFECT, state: 'failed' }] });
  await story.die();
  assert.equal(
    await story.fate(),
    `waiting | step notify: dead letter ${LETTER} (refused): invalid_blocks; its run has not heard of it yet`,
  );
  await story.turn(...FAILED_ROWS);
  assert.equal(await story.fate(), `dead-lettered | step notify failed as dead letter ${LETTER} (refused): invalid_blocks`);
  const plan = await story.plan();
  const twice = await Promise.all([story.redeliver(), story.redeliver()]);
  assert.deepEqual(twice.sort(), [false, true]);
  assert.match(await story.fate(), /^waiting \| step notify: parked at actor slack until .* redelivered by ada$/);
  assert.equal((await story.plan()).kind, 'refused');
  assert.equal(
    plan.kind === 'message' && (await redeliverMessage(story.database, { plan, stream: 'DEAD_LETTERS', delayMs: 0, who: 'bob' })),
    false,
  );
  const [adopted] = await story.store.adopt([story.slack]);
  assert.deepEqual([adopted?.stream, adopted?.seq, adopted?.key, adopted?.attempts], ['DEAD_LETTERS', 11, '["#a","A"]', 0]);
  await story.settle({ unparked: [{ unit: story.slack, stream: 'DEAD_LETTERS', seq: 11 }] });
  await story.die({ id: `slack:${COMMAND}:1`, round: 1, stream: 'DEAD_LETTERS', seq: 11 });
  const letters = await listDeadLetters(story.database, {}, 10);
  assert.deepEqual(
    letters.map(({ id, status, copySeq }) => [id, status, copySeq]),
    [
      [`slack:${COMMAND}:1`, 'open', 12],
      [LETTER, 'resolved', 11],
    ],
  );
  const superseded = await story.plan();
  assert.ok(superseded.kind === 'refused' && /superseded/.test(superseded.because));
  const audit = await story.database.query({ text: 'select who, action, target from audit_log' });
  assert.deepEqual(audit, [{ who: 'ada', action: 'dead-letter.redeliver', target: LETTER }]);
});

test('a mended step is rendered again, an unchanged one runs as it was, and a run that moved on needs force', async (t) => {
  const story = await openStory(t);
  const document = (text: string, more: object = {}) => ({
    name: 'w',
    ...more,
    steps: [{ id: 'notify', uses: 'slack.send', with: { text } }],
  });
  const apply = (content: unknown) => applyWorkflow(story.database, { name: 'w', document: content, who: 'ada' });
  assert.deepEqual(await apply(document('one')), { name: 'w', version: 1, isNew: true });
  await story.turn(EVENT, RUN, STEP);
  await story.die();
  await story.turn(...FAILED_ROWS);
  await apply(document('one', { description: 'another word' }));
  assert.equal((await story.plan()).kind, 'message', 'a change elsewhere is none of its step');
  await apply(document('two'));
  const plan = await story.plan();
  assert.deepEqual(plan.kind === 'step' && [plan.run, plan.step, plan.workflow, plan.fromVersion, plan.version], [
    'run',
    'notify',
    'w',
    1,
    3,
  ]);
  assert.equal((await story.plan(LETTER, { ...AS_USUAL, asIs: true })).kind, 'message');
  await apply({ name: 'w', steps: [] });
  const gone = await story.plan();
  assert.ok(gone.kind === 'refused' && /no step notify/.test(gone.because));
  await story.turn(...DONE_ROWS);
  const moved = await story.plan();
  assert.ok(moved.kind === 'refused' && moved.needsForce && /moved on/.test(moved.because));
  assert.equal((await story.plan(LETTER, { ...AS_USUAL, force: true })).kind, 'message');
});

test('dead letters are paged by key and filtered', async (t) => {
  const story = await openStory(t);
  for (let n = 0; n < 5; n++)
    await story.die({ id: `slack:m${n}:0`, messageId: `m${n}`, at: n < 3 ? AT : LATER, reason: n === 1 ? 'gone' : 'refused' });
  const pages = [];
  for (
    let after: string | undefined, page;
    (page = await listDeadLetters(story.database, { after }, 2)).length > 0;
    after = page.at(-1)!.id
  )
    pages.push(page.map(({ messageId }) => messageId));
  assert.deepEqual(pages, [['m4', 'm3'], ['m2', 'm1'], ['m0']]);
  const ids = async (filter: Parameters<typeof listDeadLetters>[1]) =>
    (await listDeadLetters(story.database, filter, 10)).map(({ messageId }) => messageId);
  assert.deepEqual(await ids({ reason: 'gone' }), ['m1']);
  assert.deepEqual(await ids({ actor: 'nobody' }), []);
  assert.deepEqual(await ids({ since: new Date(LATER) }), ['m4', 'm3']);
  assert.deepEqual(await ids({ status: 'resolved' }), []);
});
