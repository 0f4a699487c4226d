import assert from 'node:assert/strict';
import { test } from 'node:test';

import { needsEvent, resultTurn } from './result-turn.ts';
import { AT, workflow, recorded, open, stateOf, read, RUN, succeed, fail, outcome } from './turn-fixture.ts';

test('a result takes the run to its next step, and the last one to its end', () => {
  const opened = open([workflow()]);
  const second = succeed(stateOf([opened]), 'first');
  assert.deepEqual(
    recorded(second).commands.map(({ id, body }) => [id, body['text']]),
    [[`${RUN}/second`, '17']],
  );
  const end = succeed(stateOf([opened, second]), 'second');
  const { run, steps } = stateOf([opened, second, end]);
  assert.equal(run.status, 'done');
  assert.deepEqual(
    steps.map(({ path, status, position }) => [path, status, position]),
    [
      ['first', 'done', 0],
      ['second', 'done', 1],
    ],
  );
});

test('a result of a step that has ended changes nothing', () => {
  const opened = open([workflow()]);
  const state = stateOf([opened, succeed(stateOf([opened]), 'first')]);
  assert.equal(outcome(succeed(state, 'first')), `skipped: step first of run ${RUN} is done already`);
  assert.equal(outcome(fail(state, 'first')), `skipped: step first of run ${RUN} is done already`);
});

test('a result of no run, of no step and of another command changes nothing', () => {
  const state = stateOf([open([workflow()])]);
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step: 'first', command: 'x/first', output: null } as const;
  const input = { workflow: workflow(), event: read, at: AT };
  assert.equal(outcome(resultTurn({ ...input, result, state: undefined })), `skipped: there is no run ${RUN}`);
  assert.equal(
    outcome(resultTurn({ ...input, result: { ...result, step: 'second' }, state })),
    `skipped: run ${RUN} has not reached a step second`,
  );
  assert.equal(outcome(resultTurn({ ...input, result, state })), `skipped: command x/first is not of step first of run ${RUN}`);
});

test('steps whose condition does not hold are skipped, and later steps can see it', () => {
  const skipping = workflow({
    steps: [
      { id: 'first', if: 'event.data.draft' },
      { id: 'second', if: 'steps.first.status == "skipped"', text: '{{ steps.first.output | default: "none" }}' },
      { id: 'third', if: 'false' },
    ],
  });
  const opened = open([skipping]);
  assert.deepEqual(
    recorded(opened).commands.map(({ step, body }) => [step, body['text']]),
    [['second', 'none']],
  );
  const { run, steps } = stateOf([opened, succeed(stateOf([opened]), 'second', skipping)]);
  assert.equal(run.status, 'done');
  assert.deepEqual(
    steps.map(({ status }) => status),
    ['skipped', 'done', 'skipped'],
  );
  assert.deepEqual(
    steps.map(({ reason }) => reason),
    ['its if does not hold: event.data.draft', null, 'its if does not hold: false'],
  );
});

test('the output of a skipped step is nothing: who reads it without a default fails, and says where', () => {
  const reading = (text: string) =>
    open([
      workflow({
        steps: [
          { id: 'first', if: 'false' },
          { id: 'second', text },
        ],
      }),
    ]);
  for (const text of ['{{ steps.first.output }}', '{{ steps.first.output.ts }}', '{{ steps.first.output | upcase }}']) {
    const { run, steps } = stateOf([reading(text)]);
    assert.deepEqual([run.status, steps[1]?.status, steps[1]?.error?.place], ['failed', 'failed', 'steps[1].with.text']);
  }
  assert.equal(recorded(reading('{{ steps.first.output.ts | default: "none" }}')).commands[0]?.body['text'], 'none');
  const asking = workflow({
    steps: [
      { id: 'first', if: 'false' },
      { id: 'second', if: 'steps.first.output.ts == "1"' },
    ],
  });
  assert.equal(stateOf([open([asking])]).steps[1]?.error?.place, 'steps[1].if');
});

test('a failed step leaves the run standing there, and goes on when it succeeds after all', () => {
  const opened = open([workflow()]);
  const failed = fail(stateOf([opened]), 'first');
  const state = stateOf([opened, failed]);
  assert.deepEqual([state.run.status, state.run.error], ['failed', { reason: 'refused', because: 'invalid_blocks' }]);
  assert.deepEqual([state.steps[0]?.deadLetterId, state.steps[0]?.error?.detail], ['d1', { answer: 'long' }]);
  const on = succeed(state, 'first');
  assert.deepEqual(
    recorded(on).commands.map(({ step }) => step),
    ['second'],
  );
  const after = stateOf([opened, failed, on]);
  assert.deepEqual([after.run.status, after.run.error, after.steps[0]?.error, after.steps[0]?.deadLetterId], ['running', null, null, null]);
});

test('a run whose event the log has lost stands failed at the step that needs it', () => {
  const opened = open([workflow()]);
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step: 'first', command: `${RUN}/first`, output: null } as const;
  const lost = { kind: 'lost', error: { reason: 'expired', because: 'gone' } } as const;
  const turn = resultTurn({ result, state: stateOf([opened]), workflow: workflow(), event: lost, at: AT });
  const { run, steps } = stateOf([opened, turn]);
  assert.deepEqual([run.status, run.error?.reason, steps.map(({ status }) => status)], ['failed', 'expired', ['done', 'failed']]);
});

test('only a result that leads to another step needs the event', () => {
  const opened = open([workflow()]);
  const first = stateOf([opened]);
  const result = (step: string) =>
    ({ kind: 'succeeded', messageId: 'm', run: RUN, step, command: `${RUN}/${step}`, output: null }) as const;
  assert.equal(needsEvent(result('first'), first, workflow()), true);
  const second = stateOf([opened, succeed(first, 'first')]);
  assert.equal(needsEvent(result('first'), second, workflow()), false);
  assert.equal(needsEvent(result('second'), second, workflow()), false);
});
