import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileText } from './compile.ts';
import { mistakeText } from './mistake.ts';
import { USES } from './step-form.ts';
import { open, recorded, retry, RUN, send, stateOf, succeed, workflowOf } from './turn-fixture.ts';

const arms = [
  { if: 'event.data.tag == "v9"', steps: [send('nine')] },
  { if: 'event.data.tag == "v1"', steps: [send('one'), send('two', '{{ steps.one.output.ts }} {{ steps.route.output.taken }}')] },
  { if: 'event.data.tag == "v1"', steps: [send('never')] },
];

test('the first arm whose condition holds is taken, the others are not reached, and the run goes on behind the branch', () => {
  const branching = workflowOf([{ id: 'route', uses: 'branch', branches: arms, else: [send('other')] }, send('last')]);
  const opened = open([branching]);
  assert.deepEqual(
    recorded(opened).commands.map(({ id, step }) => [id, step]),
    [[`${RUN}/route.1.one`, 'route.1.one']],
  );
  const second = succeed(stateOf([opened]), 'route.1.one', branching);
  assert.equal(recorded(second).commands[0]?.body['text'], '17 1');
  const third = succeed(stateOf([opened, second]), 'route.1.two', branching);
  const { run, steps } = stateOf([opened, second, third, succeed(stateOf([opened, second, third]), 'last', branching)]);
  assert.equal(run.status, 'done');
  assert.deepEqual(
    steps.map(({ path, status }) => `${path} ${status}`),
    ['route done', 'route.1.one done', 'route.1.two done', 'last done'],
  );
});

test('else is taken where no condition holds, and without an else nothing is', () => {
  const none = [{ if: 'false', steps: [send('inner')] }];
  const otherwise = open([workflowOf([{ id: 'route', uses: 'branch', branches: none, else: [send('other')] }])]);
  assert.deepEqual(
    recorded(otherwise).commands.map(({ step }) => step),
    ['route.else.other'],
  );
  const nothing = stateOf([open([workflowOf([{ id: 'route', uses: 'branch', branches: none }])])]);
  assert.deepEqual([nothing.run.status, nothing.steps.map(({ output }) => output)], ['done', [{ taken: null }]]);
});

test('a branch that is skipped takes no arm, not even its else', () => {
  const skipping = workflowOf([{ id: 'route', uses: 'branch', if: 'false', branches: arms, else: [send('other')] }, send('last')]);
  assert.deepEqual(
    recorded(open([skipping])).commands.map(({ step }) => step),
    ['last'],
  );
});

test('branches stand inside branches', () => {
  const inner = { id: 'inner', uses: 'branch', branches: [{ if: 'true', steps: [send('deep', '{{ steps.outer.output.taken }}')] }] };
  const turn = recorded(open([workflowOf([{ id: 'outer', uses: 'branch', branches: [{ if: 'true', steps: [inner] }] }])]));
  assert.deepEqual(
    turn.commands.map(({ step, body }) => [step, body['text']]),
    [['outer.0.inner.0.deep', '0']],
  );
});

test('a condition that cannot be evaluated fails the branch with its place, and a retry with the mended version goes on', () => {
  const broken = [{ if: 'event.data.missing == 1', steps: [send('inner')] }];
  const failed = stateOf([open([workflowOf([{ id: 'route', uses: 'branch', branches: broken }])])]);
  assert.deepEqual([failed.run.status, failed.steps[0]?.error?.place], ['failed', 'steps[0].branches[0].if']);
  const mended = workflowOf([{ id: 'route', uses: 'branch', branches: [{ if: 'true', steps: [send('inner')] }] }], 2);
  assert.deepEqual(
    recorded(retry(failed, 'route', mended)).commands.map(({ step }) => step),
    ['route.0.inner'],
  );
});

function mistakes(steps: readonly object[]): string[] {
  const result = compileText(JSON.stringify({ name: 'w', on: { event: 'x' }, steps }), 1);
  return result.kind === 'wrong' ? result.mistakes.map(mistakeText) : [];
}

test('what stands in an arm is read by no step behind the branch, and by no other arm', () => {
  const outside = [
    {
      id: 'route',
      uses: 'branch',
      branches: [{ if: 'true', steps: [send('inner')] }],
      else: [send('other', '{{ steps.inner.output.ts }}')],
    },
    send('last', '{{ steps.inner.output.ts }}{{ steps.route.output.taken }}'),
  ];
  assert.deepEqual(mistakes(outside), [
    'steps[0].else[0].with.text: expected the id of an earlier step, got "steps.inner"',
    'steps[1].with.text: expected the id of an earlier step, got "steps.inner"',
  ]);
  const condition = [{ id: 'route', uses: 'branch', branches: [{ if: 'steps.route.output.taken == "0"', steps: [send('inner')] }] }];
  assert.deepEqual(mistakes(condition), ['steps[0].branches[0].if: expected the id of an earlier step, got "steps.route"']);
});

test('mistakes inside branches are named with their places', () => {
  const wrong = [
    send('first'),
    {
      id: 'route',
      uses: 'branch',
      branchs: [],
      branches: [
        { if: 'evnt.data.x', steps: [{ id: 'first', uses: 'slack.sned', with: {} }] },
        { iff: 'true', steps: [5] },
      ],
      else: [{ id: 'other', uses: 'slack.send', with: { channel: '#a', txt: 'x' } }],
    },
  ];
  assert.deepEqual(mistakes(wrong), [
    'steps[1].branches[0].steps[0].id: expected an id of its own, got "first", which steps[0] has',
    'steps[1].branches[1].if: expected text, got nothing',
    'steps[1].branches[1].steps[0]: expected an object, got 5',
    'steps[1].branches[1].iff: expected one of if, steps, got a field that is not known; did you mean "if"?',
    'steps[1].branchs: expected one of id, uses, if, branches, else, got a field that is not known; did you mean "branches"?',
    `steps[1].branches[0].steps[0].uses: expected one of ${USES.join(', ')}, got "slack.sned"; did you mean "slack.send"?`,
    'steps[1].else[0].with.text: expected text, got nothing',
    'steps[1].else[0].with.txt: expected one of channel, text, blocks, got a field that is not known; did you mean "text"?',
    'steps[1].branches[0].if: Unknown variable: evnt; did you mean "event"?',
  ]);
});

test('too many steps and too many branches inside each other are mistakes, also those that nobody could read', () => {
  const nest = (depth: number): object =>
    depth === 0 ? send('leaf') : { id: `b${depth}`, uses: 'branch', branches: [{ if: 'true', steps: [nest(depth - 1)] }] };
  assert.deepEqual(mistakes([nest(5)]), []);
  assert.equal(mistakes([nest(6)]).length, 1);
  assert.match(mistakes([nest(40)])[0] ?? '', /expected at most 5 branches inside each other/);
  const many = (name: string): object[] => Array.from({ length: 25 }, (_, index) => send(`${name}${index}`));
  const both = [{ id: 'route', uses: 'branch', branches: [{ if: 'true', steps: many('a') }], else: many('b') }];
  assert.deepEqual(mistakes(both), ['steps: expected at most 50 steps, those of branches included, got 51']);
});
