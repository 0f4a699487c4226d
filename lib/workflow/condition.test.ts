import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileCondition } from './condition.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { Scope } from './scope.ts';

const scope: Scope = {
  event: {
    id: 'e1',
    source: 'github',
    type: 'release.published',
    key: 'o/r',
    time: '2026-01-02T03:04:05Z',
    data: { count: 5, draft: false, nothing: null, name: 'alpha', tags: ['a', 'b'], owner: { login: 'x' } },
  },
  steps: { first: { status: 'done', output: { ok: true } } },
};

for (const [text, answer] of [
  ['event.data.count == 5 && event.data.count > 4', true],
  ['!event.data.draft', true],
  ['event.data.nothing == null', true],
  ['has(event.data.missing)', false],
  ['event.data.name in ["alpha", "beta"]', true],
  ['event.data.tags.exists(t, t == "b")', true],
  ['size(event.data.tags) == 3', false],
  ['steps.first.output.ok', true],
  ['steps.first.status == "skipped"', false],
  ['event.key.startsWith("o/")', true],
  ['event.data.?missing.?deep.orValue("none") == "none"', true],
] as const)
  test(`a condition answers ${answer}: ${text}`, () => assert.equal(compileCondition(text, 'on.if').holds(scope), answer));

for (const [text, why] of [
  ['event.data.count ==', /EOF/],
  ['event.dta.x == 1', /dta/],
  ['evnt.data.x == 1', /evnt/],
  ['event.data.count + 1', /true or false/],
  ['"text"', /true or false/],
  ['event.data.name.matches("(a+)+$")', /matches/],
  ['event.data.tags.all(a, event.data.tags.all(b, a == b))', /inside another/],
  [`${'('.repeat(200)}true${')'.repeat(200)}`, /depth/i],
  [`1 in [${Array.from({ length: 300 }, () => '1').join(',')}]`, /maxListElements/],
  [`event.key == "${'x'.repeat(3_000)}"`, /at most/],
] as const)
  test(`a mistake is found when the condition is compiled: ${text.slice(0, 60)}`, () => {
    assert.throws(
      () => compileCondition(text, 'on.if'),
      (error) => error instanceof EvaluationFailed && error.place === 'on.if' && why.test(error.message),
    );
  });

for (const text of [
  'event.data.missing == 1',
  'event.data.nothing.deep == 1',
  'event.data.name',
  'event.data.count.deep',
  'steps.second.output.ok',
])
  test(`what cannot be answered is an error, never false: ${text}`, () => {
    const condition = compileCondition(text, 'steps[0].if');
    assert.throws(
      () => condition.holds(scope),
      (error) => error instanceof EvaluationFailed && error.place === 'steps[0].if',
    );
  });

for (const path of [
  'event.data.constructor',
  'event.data.__proto__',
  'event.data["constructor"]',
  'event.data.tags.length',
  'steps.toString',
])
  test(`no way to a prototype: ${path}`, () => {
    const condition = compileCondition(`${path} == 1`, 'on.if');
    assert.throws(() => condition.holds(scope), /No such key/);
  });

test('what a condition reads is known without evaluating it', () => {
  const { reads } = compileCondition('steps.one.output.ok && event.data.tags.exists(t, t == event.key)', 'if');
  assert.deepEqual(
    reads.map((read) => read.path.join('.')),
    ['steps.one.output.ok', 'event.data.tags', 'event.key'],
  );
});
