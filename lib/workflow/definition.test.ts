import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { compileText } from './compile.ts';
import { mistakeText } from './mistake.ts';
import { USES } from './step-form.ts';

const RIGHT = `
name: a-workflow
on: { event: release.published, source: github, if: "!event.data.draft" }
steps:
  - { id: first, uses: slack.send, with: { channel: "#a", text: "{{ event.data.x }}" } }
  - { id: second, uses: slack.send, with: { channel: "#a", text: "{{ steps.first.output.ts }}" }, if: steps.first.output.ok, on-unknown: hold }
`;

function mistakes(text: string): string[] {
  const result = compileText(text, 1);
  return result.kind === 'wrong' ? result.mistakes.map(mistakeText) : [];
}

test('a right document compiles, with the defaults of what its steps use', () => {
  const result = compileText(RIGHT, 7);
  assert.ok(result.kind === 'right');
  const { name, version, events, source, steps } = result.value.compiled;
  assert.deepEqual({ name, version, events, source }, { name: 'a-workflow', version: 7, events: ['release.published'], source: 'github' });
  assert.deepEqual(
    steps.map(({ id, work }) => (work.kind === 'command' ? { id, actor: work.actor, onUnknown: work.onUnknown } : id)),
    [
      { id: 'first', actor: 'slack', onUnknown: 'repeat' },
      { id: 'second', actor: 'slack', onUnknown: 'hold' },
    ],
  );
});

test('the same document as JSON means the same', () => {
  const yaml = compileText(RIGHT, 1);
  assert.ok(yaml.kind === 'right');
  const json = compileText(JSON.stringify(yaml.value.definition), 1);
  assert.deepEqual(json.kind === 'right' && json.value.definition, yaml.value.definition);
});

/** Each row: what is changed in the right document, and the mistakes word for word. */
const MISTAKES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'steps:',
    'stps:',
    [
      'steps: expected a list, got nothing',
      'stps: expected one of name, description, on, steps, got a field that is not known; did you mean "steps"?',
    ],
  ],
  ['name: a-workflow', '', ['name: expected text, got nothing']],
  ['name: a-workflow', 'name: A workflow', ['name: expected 1 to 63 of a-z, 0-9 and -, a letter first, got "A workflow"']],
  ['event: release.published', 'event: 7', ['on.event: expected an event type or a list of them, got 7']],
  [
    'source: github',
    'sorce: github',
    ['on.sorce: expected one of event, source, if, got a field that is not known; did you mean "source"?'],
  ],
  [
    'uses: slack.send',
    'uses: slack.sned',
    [`steps[0].uses: expected one of ${USES.join(', ')}, got "slack.sned"; did you mean "slack.send"?`],
  ],
  [
    'channel: "#a"',
    'chanel: "#a"',
    [
      'steps[0].with.channel: expected text, got nothing',
      'steps[0].with.chanel: expected one of channel, text, blocks, got a field that is not known; did you mean "channel"?',
    ],
  ],
  ['channel: "#a"', 'channel: 5', ['steps[0].with.channel: expected text, got 5']],
  ['on-unknown: hold', 'on-unknown: holt', ['steps[1].on-unknown: expected one of hold, repeat, got "holt"; did you mean "hold"?']],
  [
    'on-unknown: hold',
    'on_unknown: hold',
    ['steps[1].on_unknown: expected one of id, uses, with, if, on-unknown, got a field that is not known; did you mean "on-unknown"?'],
  ],
  ['id: second', 'id: first', ['steps[1].id: expected an id of its own, got "first", which steps[0] has']],
  ['id: first', 'id: "the first"', ['steps[0].id: expected 1 to 50 of a-z, A-Z, 0-9, _ and -, got "the first"']],
  ['{{ event.data.x }}', '{{ event.data.x', ['steps[0].with.text: output "{{ event.data.x" not closed, line:1, col:1']],
  ['{{ event.data.x }}', '{{ event.data.x | upcse }}', ['steps[0].with.text: undefined filter: upcse; did you mean "upcase"?']],
  ['{{ event.data.x }}', '{{ evnt.data.x }}', ['steps[0].with.text: expected event or steps, got "evnt"; did you mean "event"?']],
  [
    '{{ event.data.x }}',
    '{{ event.dta.x }}',
    [
      'steps[0].with.text: expected one of event.id, event.source, event.type, event.key, event.time, event.data, got "event.dta"; did you mean "data"?',
    ],
  ],
  [
    '{{ steps.first.output.ts }}',
    '{{ steps.frist.output.ts }}',
    ['steps[1].with.text: expected the id of an earlier step, got "steps.frist"; did you mean "first"?'],
  ],
  [
    '{{ steps.first.output.ts }}',
    '{{ steps.second.output.ts }}',
    ['steps[1].with.text: expected the id of an earlier step, got "steps.second"'],
  ],
  [
    '{{ steps.first.output.ts }}',
    '{{ steps.first.outptu.ts }}',
    ['steps[1].with.text: expected one of steps.first.status, steps.first.output, got "steps.first.outptu"; did you mean "output"?'],
  ],
  [
    'if: steps.first.output.ok',
    'if: "steps[\'frist\'].output.ok"',
    ['steps[1].if: expected the id of an earlier step, got "steps.frist"; did you mean "first"?'],
  ],
  ['if: "!event.data.draft"', 'if: "!event.data.draft &&"', ['on.if: Unexpected token: EOF, at the end of "!event.data.draft &&"']],
  ['if: "!event.data.draft"', 'if: "!evnt.data.draft"', ['on.if: Unknown variable: evnt; did you mean "event"?']],
  ['if: "!event.data.draft"', 'if: "event.key"', ['on.if: expected an expression that answers true or false, got one that answers string']],
];

for (const [right, wrong, expected] of MISTAKES)
  test(`a mistake is named with its path: ${right} -> ${wrong}`, () => {
    assert.ok(RIGHT.includes(right));
    assert.deepEqual(mistakes(RIGHT.replace(right, wrong)), expected);
  });

test('all mistakes of a document are named together', () => {
  const text = RIGHT.replace('event.data.x', 'event.dta').replace('output.ts', 'output.ts | nope').replace('!event', '!evnt');
  assert.deepEqual(
    mistakes(text).map((mistake) => mistake.split(':')[0]),
    ['on.if', 'steps[0].with.text', 'steps[1].with.text'],
  );
});

test('a mistake in the form hides none in the templates, the conditions and the fields of steps', () => {
  const text = RIGHT.replace('source: github', 'sorce: github')
    .replace('uses: slack.send', 'uses: slack.sned')
    .replace('channel: "#a", text: "{{ steps', 'chanel: "#a", text: "{{ steps')
    .replace('event.data.x', 'event.dta')
    .replace('!event', '!evnt')
    .replace('steps.first.output.ok', 'steps.frist.output.ok');
  assert.deepEqual(
    mistakes(text).map((mistake) => mistake.split(':')[0]),
    ['on.sorce', 'steps[0].uses', 'steps[1].with.channel', 'steps[1].with.chanel', 'on.if', 'steps[0].with.text', 'steps[1].if'],
  );
});

test('every text of a step is looked at, and the parser says where it stopped', () => {
  const text = RIGHT.replace('"#a", text: "{{ event.data.x', '"{{ event.kee }}", text: "{{ event.dta').replace(
    '!event.data',
    'event ! data',
  );
  assert.deepEqual(
    mistakes(text).map((mistake) => mistake.split(':')[0]),
    ['on.if', 'steps[0].with.channel', 'steps[0].with.text'],
  );
  assert.match(mistakes(text)[0] ?? '', /at character 7, "! data/);
});

test('what is no document at all is a mistake and not a crash', () => {
  for (const [text, why] of [
    ['', 'document: expected an object, got null'],
    ['[1]', 'document: expected an object, got a list'],
    ['name: [', /^document: Flow sequence/],
    ['name: a\nname: b', /^document: Map keys must be unique/],
    ['a: 1\n---\nb: 2', /^document: Source contains multiple documents/],
    [
      `a: &a [x,x,x]\n${'bcdefghi'
        .split('')
        .map((key, at) => `${key}: &${key} [${`*${'abcdefgh'[at]},`.repeat(9)}]`)
        .join('\n')}`,
      /^document: Excessive alias count/,
    ],
    ['x'.repeat(600_000), /^document: expected at most 500000 characters/],
  ] as const) {
    const [first] = mistakes(text);
    assert.ok(typeof why === 'string' ? first === why : why.test(first ?? ''), `${text.slice(0, 40)}: ${first}`);
  }
});

test('more than 50 steps and no step at all are mistakes', () => {
  const step = (index: number) => ({ id: `s${index}`, uses: 'slack.send', with: { channel: '#a', text: 'x' } });
  const document = (count: number) =>
    JSON.stringify({ name: 'a', on: { event: 'x' }, steps: Array.from({ length: count }, (_, index) => step(index)) });
  assert.deepEqual(mistakes(document(50)), []);
  assert.deepEqual(mistakes(document(51)), ['steps: expected at most 50 entries, got 51']);
  assert.deepEqual(mistakes(document(0)), ['steps: expected at least 1 entries, got 0']);
});

test('names of prototypes are ids like any other', () => {
  for (const id of ['constructor', '__proto__', 'toString']) assert.deepEqual(mistakes(RIGHT.replaceAll('first', id)), []);
  assert.deepEqual(mistakes(RIGHT.replace('event.data.x', 'event.constructor')).length, 1);
});

test('the example is a right workflow', async () => {
  assert.deepEqual(mistakes(await readFile(new URL('../../examples/github-release-to-slack.yaml', import.meta.url), 'utf8')), []);
});

test('a workflow with twelve different mistakes is told all twelve, each with its place', () => {
  const text = `
name: Twelve Mistakes
descripton: a field that is not known
on: { event: order.paid, if: "evnt.data.total > 0" }
steps:
  - { id: first, uses: slack.sned, with: {} }
  - { id: second, uses: slack.send, with: { chanel: "#a", channel: "#a", text: x } }
  - { id: second, uses: slack.send, with: { channel: 5, text: "{{ event.data.x | upcse }}" } }
  - { id: pause, uses: delay, with: { for: 15 minutes } }
  - id: route
    uses: branch
    branches:
      - if: event.key
        steps:
          - { id: inner, uses: slack.send, with: { channel: "#a", text: "{{ event.dta.x }}" }, on-unknown: holt }
`;
  assert.deepEqual(mistakes(text), [
    'name: expected 1 to 63 of a-z, 0-9 and -, a letter first, got "Twelve Mistakes"',
    'descripton: expected one of name, description, on, steps, got a field that is not known; did you mean "description"?',
    'steps[2].id: expected an id of its own, got "second", which steps[1] has',
    `steps[0].uses: expected one of ${USES.join(', ')}, got "slack.sned"; did you mean "slack.send"?`,
    'steps[1].with.chanel: expected one of channel, text, blocks, got a field that is not known; did you mean "channel"?',
    'steps[2].with.channel: expected text, got 5',
    'steps[3].with.for: expected a duration such as 90s, 15m, 1h30m, 2d or 1w',
    'steps[4].branches[0].steps[0].on-unknown: expected one of hold, repeat, got "holt"; did you mean "hold"?',
    'on.if: Unknown variable: evnt; did you mean "event"?',
    'steps[2].with.text: undefined filter: upcse; did you mean "upcase"?',
    'steps[4].branches[0].if: expected an expression that answers true or false, got one that answers string',
    'steps[4].branches[0].steps[0].with.text: expected one of event.id, event.source, event.type, event.key, event.time, event.data, got "event.dta"; did you mean "data"?',
  ]);
});
