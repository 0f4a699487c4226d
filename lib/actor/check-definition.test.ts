import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionProblems } from './check-definition.ts';
import { defineActor } from './define-actor.ts';
import { done } from './verdict.ts';

const RIGHT = {
  name: 'right',
  input: () => '',
  retry: { attempts: 1, delayMs: () => 0 },
  timeoutMs: 1_000,
  receive: () => Promise.resolve(done()),
};

test('a definition with what it must have is right', () => {
  assert.deepEqual(definitionProblems(RIGHT), []);
  assert.deepEqual(definitionProblems({ ...RIGHT, types: ['order.paid'], partitions: 16, order: 'none', start: 'beginning' }), []);
});

test('every field that does not fit is named with what was expected and got', () => {
  const wrong = { ...RIGHT, name: 'Wrong', partitions: 17, retry: 3, timeoutMs: 3_600_000, receive: 'done', recieve: 1, types: [] };
  const problems = definitionProblems(wrong);
  assert.deepEqual(
    problems.map((problem) => /^actor "Wrong": (\w+)/.exec(problem)?.[1]),
    ['name', 'types', 'partitions', 'retry', 'timeoutMs', 'receive', 'expected'],
  );
  assert.match(problems[2] ?? '', /expected an integer from 1 to 16, got 17$/);
  assert.match(problems[5] ?? '', /expected a function \(input, context\) => verdict, got "done"$/);
  assert.match(problems[6] ?? '', /got a field recieve$/);
});

test('what is no object is no actor, and types without events are a contradiction', () => {
  assert.deepEqual(definitionProblems(undefined), ['expected an actor, got nothing']);
  assert.match(definitionProblems({ ...RIGHT, types: ['a'], reads: ['commands'] })[0] ?? '', /expected reads to have "events" as well/);
});

test('what cannot be written as JSON is told as well', () => {
  assert.match(definitionProblems({ ...RIGHT, slots: 1n })[0] ?? '', /slots: expected an integer from 1, got a value of type bigint$/);
});

test('defineActor throws all of it at once', () => {
  assert.throws(
    () => defineActor({ ...RIGHT, name: '', slots: 0 }),
    /name: expected .*; actor "": slots: expected an integer from 1, got 0/,
  );
});
