import assert from 'node:assert/strict';
import { test } from 'node:test';

import { workflow, recorded, open, stateOf, RUN, succeed, fail, retry, outcome } from './turn-fixture.ts';

test('a retry renders the failed step with the version that it names, and the run keeps that version', () => {
  const opened = open([workflow()]);
  const failed = stateOf([opened, fail(stateOf([opened]), 'first')]);
  const mended = workflow({ version: 2, steps: [{ id: 'first', text: 'mended' }, { id: 'inserted', text: 'new' }, { id: 'second' }] });
  const retried = recorded(retry(failed, 'first', mended));
  assert.deepEqual(
    retried.commands.map(({ id, body }) => [id, body['text']]),
    [[`${RUN}/first#g1`, 'mended']],
  );
  const state = stateOf([opened, retried]);
  assert.deepEqual([state.run.status, state.run.version, state.steps[0]?.generation, state.steps[0]?.version], ['running', 2, 'g1', 2]);
  assert.equal(outcome(fail(state, 'first')), `skipped: step first of run ${RUN} has been given ${RUN}/first#g1 since`);
  assert.deepEqual(
    recorded(succeed(state, 'first', mended)).commands.map(({ step }) => step),
    ['inserted'],
  );
});

test('a retry of a later step repeats no step that was done', () => {
  const opened = open([workflow()]);
  const second = succeed(stateOf([opened]), 'first');
  const failed = stateOf([opened, second, fail(stateOf([opened, second]), 'second')]);
  const retried = recorded(retry(failed, 'second', workflow({ version: 2 })));
  assert.deepEqual(
    retried.commands.map(({ id }) => id),
    [`${RUN}/second#g1`],
  );
  const reordered = workflow({ version: 3, steps: [{ id: 'second' }, { id: 'first' }, { id: 'last' }] });
  const state = stateOf([opened, second, retry(failed, 'second', reordered)]);
  assert.deepEqual(
    recorded(succeed(state, 'second', reordered)).commands.map(({ step }) => step),
    ['last'],
  );
});

test('a retry of what does not stand failed changes nothing, and says why', () => {
  const opened = open([workflow()]);
  const state = stateOf([opened]);
  const failed = stateOf([opened, fail(state, 'first')]);
  assert.equal(outcome(retry(state, 'first', workflow({ version: 2 }))), `skipped: step first of run ${RUN} is waiting, not failed`);
  assert.equal(outcome(retry(failed, 'second', workflow({ version: 2 }))), `skipped: run ${RUN} has not reached a step second`);
  assert.equal(outcome(retry(failed, 'first', undefined)), 'skipped: workflow w has no version 9');
  assert.equal(
    outcome(retry(failed, 'first', workflow({ version: 2, steps: [{ id: 'renamed' }] }))),
    'skipped: version 2 of workflow w has no step first',
  );
  const retried = stateOf([opened, retry(failed, 'first', workflow({ version: 2 }))]);
  assert.equal(outcome(retry(retried, 'first', workflow({ version: 2 }))), `skipped: step first of run ${RUN} is in generation g1 already`);
});

test('a run whose trigger could not be evaluated has to pass it when it is retried', () => {
  const state = stateOf([open([workflow({ on: { if: 'event.data.missing' } })])]);
  assert.equal(recorded(retry(state, 'first', workflow({ version: 2, on: { if: '!event.data.draft' } }))).commands.length, 1);
  const declined = retry(state, 'first', workflow({ version: 2, on: { if: 'event.data.draft' } }));
  assert.deepEqual(
    [recorded(declined).commands.length, stateOf([declined]).run.status, stateOf([declined]).steps[0]?.status],
    [0, 'done', 'skipped'],
  );
  assert.equal(stateOf([retry(state, 'first', workflow({ version: 2, on: { if: 'event.data.wrong' } }))]).run.status, 'failed');
});
