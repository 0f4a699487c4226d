import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EvaluationFailed } from './evaluation-failed.ts';
import type { Scope } from './scope.ts';
import { compileTemplate } from './template.ts';
import { patience } from '../dev/test-scale.ts';

const scope: Scope = {
  event: {
    id: 'e1',
    source: 'github',
    type: 'release.published',
    key: 'o/r',
    time: '2026-01-02T03:04:05Z',
    data: { n: 5, nothing: null, empty: '', text: '<!channel> & co', list: [1, 2], object: { a: 1 }, rows: [{ a: 'x' }, {}] },
  },
  steps: { first: { status: 'done', output: { ts: '17' } } },
};

function render(template: unknown): unknown {
  return compileTemplate(template, 'with').render(scope);
}

function failure(template: unknown): EvaluationFailed {
  try {
    render(template);
  } catch (error) {
    if (error instanceof EvaluationFailed) return error;
    throw error;
  }
  return assert.fail(`expected a failure of ${JSON.stringify(template)}`);
}

test('strings are filled in through objects and lists, and everything else stays as it is', () => {
  assert.deepEqual(render({ a: ['{{ event.data.n }}', 7, true, null], b: { c: 'x {{ steps.first.output.ts }}' } }), {
    a: ['5', 7, true, null],
    b: { c: 'x 17' },
  });
});

for (const [template, why] of [
  ['{{ event.data.missing }}', /missing/],
  ['{{ event.data.missing.deep }}', /missing/],
  ['{{ event.data.nothing }}', /null/],
  ['{{ event.data.nothing.deep }}', /null/],
  ['{{ event.data.nothing | upcase }}', /null/],
  ['{{ event.data.text | append: event.data.nothing }}', /append/],
  ['{% assign a = event.data.missing %}{{ a }}', /default/],
  ['{% assign a = event.data.missing %}{{ a | upcase }}', /default/],
  ['{% for row in event.data.missing %}{{ row }}{% endfor %}', /missing/],
  ['{{ event.data.rows | map: "a" | join: "," }}', /compact/],
  ['{{ steps.second.output }}', /second/],
  ['{{ event.data.object }}', /object/],
  ['{{ event.data.list }}', /list/],
  ['{{ event.data.n | divided_by: 0 }}', /no number/],
] as const)
  test(`an unresolved value is an error, never an empty string: ${template}`, () => {
    const error = failure({ blocks: [{ text: template }] });
    assert.equal(error.place, 'with.blocks[0].text');
    assert.match(error.message, why);
  });

test('a value that may be missing can be asked for and replaced', () => {
  assert.equal(render('{{ event.data.missing | default: "none" }}'), 'none');
  assert.equal(render('{{ event.data.nothing.deep | default: event.data.n }}'), '5');
  assert.equal(render('{% if event.data.missing %}yes{% else %}no{% endif %}'), 'no');
  assert.equal(render('{{ event.data.object | json }}'), '{"a":1}');
  assert.equal(render('{{ event.data.rows | map: "a" | compact | join: "," }}'), 'x');
});

for (const path of [
  'event.constructor',
  'event.data.constructor.name',
  'event.data["__proto__"]',
  'event.data.n.constructor',
  'event.data.list.push',
  'event.data.text.constructor.constructor',
  'event.toString',
  'constructor',
  '__proto__',
])
  test(`no way to a prototype: ${path}`, () => {
    assert.match(failure(`{{ ${path} }}`).message, /undefined variable/);
    assert.equal(render(`{{ ${path} | default: "nothing" }}`), 'nothing');
  });

for (const [name, template] of [
  ['a huge range', '{% for i in (1..100000000) %}x{% endfor %}'],
  ['nested loops', `${'{% for i in (1..1000) %}'.repeat(4)}x${'{% endfor %}'.repeat(4)}`],
  ['empty nested loops', `${'{% for i in (1..1000) %}'.repeat(4)}${'{% endfor %}'.repeat(4)}`],
  ['doubling a string', '{% assign s = "aaaaaaaa" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}'],
  ['a long text repeated', `{% for i in (1..400000) %}${'x'.repeat(40_000)}{% endfor %}`],
  ['a template that is too long', `{{ event.id }}${'x'.repeat(60_000)}`],
] as const)
  test(`too much work ends with an error, quickly: ${name}`, () => {
    const startedAt = performance.now();
    assert.match(failure(template).message, /limit|at most|Invalid string length/);
    assert.ok(performance.now() - startedAt < patience(1_000), `${performance.now() - startedAt} ms`);
  });

for (const template of [
  '{% include "x" %}',
  '{% render "x" %}',
  '{% layout "x" %}',
  '{% raw %}{% endraw %}',
  '{% capture a %}{% endcapture %}',
])
  test(`a tag that is not on the list is a mistake: ${template}`, () => {
    assert.match(failure(template).message, /not found/);
  });

for (const filter of ['sample', 'raw', 'where_exp: "x", "x"', 'hmac_sha256: "x"'])
  test(`a filter that is not on the list is a mistake: ${filter}`, () => {
    assert.match(failure(`{{ event.data.list | ${filter} }}`).message, /undefined filter/);
  });

test('the clock is not a value, so that the same turn renders the same text', () => {
  assert.match(failure('{{ "now" | date: "%Y" }}').message, /event\.time/);
  assert.equal(render('{{ event.time | date: "%B %e, %Y %H:%M" }}'), 'January  2, 2026 03:04');
});

test('slack_escape leaves no mention and no link of a stranger', () => {
  assert.equal(render('{{ event.data.text | slack_escape }}'), '&lt;!channel&gt; &amp; co');
});

test('what a template reads is known without rendering it', () => {
  const { reads } = compileTemplate({ a: '{% for r in event.data.rows %}{{ r.x }}{% endfor %}{{ steps.one.output[event.key] }}' }, 'with');
  assert.deepEqual(
    reads.map((read) => read.path.join('.')),
    ['event.data.rows', 'event.key', 'steps.one.output'],
  );
});

test('a process that is not run for a while fails no rendering', () => {
  let looks = 0;
  const data = {
    get text() {
      // Longer than a rendering may take, without any work.
      if ((looks += 1) <= 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120);
      return 'there';
    },
  };
  const template = compileTemplate('{{ event.data.text }} {% if true %}it is{% endif %}', 'steps[0].with.text');
  assert.equal(template.render({ event: { ...scope.event, data }, steps: {} }), 'there it is');
  assert.equal(looks, 3);
});
