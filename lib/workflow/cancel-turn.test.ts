import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cancelTurn } from './cancel-turn.ts';
import type { RunState, Turn } from './turn.ts';
import { AT, fail, open, outcome, recorded, retry, RUN, stateOf, succeed, workflow } from './turn-fixture.ts';

const cancel = (state: RunState | undefined): Turn => cancelTurn({ cancel: { messageId: 'm', run: RUN }, state, at: AT });

test('a cancelled run ends where it waits, and nothing moves it any more', () => {
  const opened = open([workflow()]);
  const cancelled = cancel(stateOf([opened]));
  const state = stateOf([opened, cancelled]);
  assert.deepEqual([state.run.status, state.run.endedAt, state.steps.map(({ status }) => status)], ['cancelled', AT, ['cancelled']]);
  assert.deepEqual(recorded(cancelled).commands, []);
  const why = `skipped: run ${RUN} is cancelled`;
  assert.deepEqual(
    [outcome(succeed(state, 'first')), outcome(fail(state, 'first')), outcome(retry(state, 'first', workflow()))],
    [why, why, why],
  );
  assert.equal(outcome(cancel(state)), `skipped: run ${RUN} is cancelled already`);
});

test('a run that stands failed can be cancelled, one that is done cannot', () => {
  const opened = open([workflow()]);
  const failed = fail(stateOf([opened]), 'first');
  const { run, steps } = stateOf([opened, failed, cancel(stateOf([opened, failed]))]);
  assert.deepEqual([run.status, run.error?.because, steps[0]?.status], ['cancelled', 'invalid_blocks', 'failed']);
  const second = succeed(stateOf([opened]), 'first');
  const done = stateOf([opened, second, succeed(stateOf([opened, second]), 'second')]);
  assert.equal(outcome(cancel(done)), `skipped: run ${RUN} is done already`);
  assert.equal(outcome(cancel(undefined)), `skipped: there is no run ${RUN}`);
});
