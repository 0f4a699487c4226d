import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileText } from './compile.ts';
import { parseDuration } from './delay.ts';
import { mistakeText } from './mistake.ts';
import { AT, event, open, recorded, retry, RUN, send, stateOf, succeed, workflowOf } from './turn-fixture.ts';

const pausing = (told: object): ReturnType<typeof workflowOf> => workflowOf([{ id: 'pause', uses: 'delay', with: told }, send('last')]);

test('durations are written with units, together', () => {
  for (const [text, ms] of [
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['0s', 0],
    ['15', undefined],
    ['15 m', undefined],
    ['-1m', undefined],
    ['1.5h', undefined],
    ['', undefined],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
});

test('a delay waits with a timer under the id of its step, keeps its event, and goes on when the timer is there', () => {
  const workflow = pausing({ for: '1h30m' });
  const opened = open([workflow]);
  const dueAt = new Date(Date.parse(AT) + 5_400_000).toISOString();
  const { timers, commands, rows } = recorded(opened);
  const { id: eventId, key, priority } = event;
  assert.deepEqual(timers, [{ id: `${RUN}/pause`, event: eventId, run: RUN, step: 'pause', key, priority, dueAt }]);
  assert.deepEqual(commands, []);
  assert.deepEqual(rows.at(-1), { kind: 'kept-event', run: RUN, event });
  const state = stateOf([opened]);
  assert.deepEqual([state.run.status, state.steps[0]?.status, state.steps[0]?.dueAt], ['running', 'waiting', dueAt]);
  const fired = succeed(state, 'pause', workflow, { until: dueAt });
  assert.deepEqual(
    recorded(fired).commands.map(({ step }) => step),
    ['last'],
  );
  assert.deepEqual(stateOf([opened, fired]).steps[0]?.output, { until: dueAt });
});

test('a delay until a moment ends then, and one that is past ends at once', () => {
  const dueAt = (told: object): string | null | undefined => stateOf([open([pausing(told)])]).steps[0]?.dueAt;
  assert.equal(dueAt({ until: '2026-01-03T00:00:00+02:00' }), '2026-01-02T22:00:00.000Z');
  assert.equal(dueAt({ until: '{{ event.time }}' }), AT);
  assert.equal(dueAt({ until: '2020-01-01T00:00:00Z' }), AT);
  assert.equal(dueAt({ for: '{{ event.data.tag | remove: "v" }}m' }), '2026-01-02T03:05:05.000Z');
});

test('a delay that cannot be understood fails with its place, and a retry sets a timer of its own', () => {
  for (const [told, place] of [
    [{ until: '{{ event.data.tag }}' }, 'steps[0].with.until'],
    [{ until: '2026-01-03T00:00:00' }, 'steps[0].with.until'],
    [{ until: '2026-01-03' }, 'steps[0].with.until'],
    [{ for: '{{ event.data.tag }}' }, 'steps[0].with.for'],
    [{ for: '401d' }, 'steps[0].with'],
  ] as const) {
    const { run, steps } = stateOf([open([pausing(told)])]);
    assert.deepEqual([run.status, steps[0]?.error?.place], ['failed', place]);
  }
  const failed = stateOf([open([pausing({ for: '{{ event.data.tag }}' })])]);
  const mended = workflowOf([{ id: 'pause', uses: 'delay', with: { for: '1s' } }], 2);
  assert.deepEqual(
    recorded(retry(failed, 'pause', mended)).timers.map(({ id }) => id),
    [`${RUN}/pause#g1`],
  );
});

test('what is wrong with a delay is said when the workflow is saved', () => {
  const mistakes = (told: object): string[] => {
    const result = compileText(JSON.stringify({ name: 'w', on: { event: 'x' }, steps: [{ id: 'pause', uses: 'delay', with: told }] }), 1);
    return result.kind === 'wrong' ? result.mistakes.map(mistakeText) : [];
  };
  const [one] = ['steps[0].with: expected one of for, until, got both or none'];
  assert.deepEqual(mistakes({}), [one]);
  assert.deepEqual(mistakes({ for: '1m', until: 'x' }), [one]);
  assert.deepEqual(mistakes({ for: '15 minutes' }), ['steps[0].with.for: expected a duration such as 90s, 15m, 1h30m, 2d or 1w']);
  assert.deepEqual(mistakes({ four: '1m' }), [
    'steps[0].with.four: expected one of for, until, got a field that is not known; did you mean "for"?',
    one,
  ]);
});
