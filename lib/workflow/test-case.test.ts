import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import type { CompiledWorkflow } from './compile.ts';
import { compileText } from './compile.ts';
import { mistakeText } from './mistake.ts';
import type { TestCase } from './test-case.ts';
import { readTestCases, runTestCase } from './test-case.ts';

const examples = new URL('../../examples/', import.meta.url);

async function compiled(name: string): Promise<CompiledWorkflow> {
  const result = compileText(await readFile(new URL(name, examples), 'utf8'), 1);
  assert.ok(result.kind === 'right', JSON.stringify(result));
  return result.value.compiled;
}

async function cases(name: string): Promise<readonly TestCase[]> {
  const read = readTestCases(await readFile(new URL(name, examples), 'utf8'));
  assert.ok(read.kind === 'right', JSON.stringify(read));
  return read.value;
}

for (const name of ['order-follow-up', 'github-release-to-slack', 'order-paid-to-pdf'])
  test(`the example ${name} does what its cases say`, async () => {
    const workflow = await compiled(`${name}.yaml`);
    for (const each of await cases(`${name}.test.yaml`)) assert.deepEqual(runTestCase(workflow, each), [], each.name);
  });

test('what is not as a case expects is named, each with its place', async () => {
  const workflow = await compiled('order-follow-up.yaml');
  const event = { type: 'order.paid', data: { number: 'A-1', total: 1, currency: 'EUR' } };
  const wrong = (rest: Omit<TestCase, 'name' | 'event'>, given: TestCase['event'] = event): string[] =>
    runTestCase(workflow, { name: 'x', event: given, ...rest });
  assert.deepEqual(wrong({ expect: { run: 'failed' } }), ['run: expected failed, got done']);
  assert.deepEqual(wrong({ expect: { run: 'none', steps: { announce: { with: { text: 'no' }, output: { ts: '1' } } } } }), [
    'run: expected none, got done',
    'steps.announce.output: expected {"ts":"1"}, got {}',
    'steps.announce.with.text: expected "no", got "Order A-1 is paid: 1 EUR"',
  ]);
  assert.deepEqual(wrong({ results: { anounce: { output: 1 } }, expect: { run: 'done', steps: { 'size.0.ask': { status: 'done' } } } }), [
    'results.anounce: expected a step that sends a command, got one that does not',
    'steps.size.0.ask: expected a step that is reached, got none',
  ]);
  assert.deepEqual(wrong({ expect: { run: 'done' } }, { type: 'order.paid', data: { number: 'A-1' } }), [
    'run: expected done, got failed: steps[0].with.text: undefined variable: event.data.total',
  ]);
  assert.deepEqual(wrong({ expect: { run: 'done' } }, { type: 'x', data: {} }), [
    'run: expected done, got none: no workflow wants x of test',
  ]);
});

test('mistakes in a file of cases are named with their places', () => {
  const read = readTestCases('tests: [{ name: a, event: { typ: x }, expect: { run: finished, step: {} } }]');
  assert.ok(read.kind === 'wrong');
  assert.deepEqual(read.mistakes.map(mistakeText), [
    'tests[0].event.type: expected text, got nothing',
    'tests[0].event.typ: expected one of type, source, key, id, time, priority, data, got a field that is not known; did you mean "type"?',
    'tests[0].expect.run: expected one of done, failed, none, got "finished"',
    'tests[0].expect.step: expected one of run, steps, got a field that is not known; did you mean "steps"?',
  ]);
});
