import assert from 'node:assert/strict';
import test from 'node:test';
import { cleanJson, cleanText, cleanTime, toJson, toRowsParameter } from './clean-text.ts';

test('what PostgreSQL cannot hold is replaced, and nothing else is changed', () => {
  assert.equal(cleanText('a\0b'), 'a\uFFFDb');
  assert.equal(cleanText('x\ud800y'), 'x\uFFFDy');
  assert.equal(cleanText('Grüße 👋 \\u0000'), 'Grüße 👋 \\u0000');
  assert.equal(cleanText('a'.repeat(1_000_001)).length, 1_000_003);
});

test('any value becomes JSON', () => {
  const circle: Record<string, unknown> = {};
  circle['again'] = circle;
  const twice: unknown[] = [];
  twice.push(twice, twice);
  assert.equal(toJson({ n: 10n, inf: Infinity, nan: NaN, f: () => 1, u: undefined }), '{"n":"10","inf":"Infinity","nan":"NaN"}');
  assert.match(toJson(circle), /deeper than 64 levels/);
  assert.match(toJson(twice), /too many values/);
  assert.ok(toJson(twice).length < 1_000_000);
  assert.equal(toJson(undefined), 'null');
  assert.equal(toJson([undefined, new Date(0)]), '[null,"1970-01-01T00:00:00.000Z"]');
  assert.equal(toJson({ ['k\0']: '\udfff', [`__proto__`]: 1 }), '{"k\uFFFD":"\uFFFD","__proto__":1}');
  assert.equal(toJson(new Date(NaN)), 'null');
  assert.deepEqual(cleanJson(new TypeError('a\0')), { name: 'TypeError', message: 'a\uFFFD' });
});

test('the rows of a statement are cleaned as a whole', () => {
  assert.equal(toRowsParameter([{ key: 'a\0' }, { key: '\ud83d' }]), '[{"key":"a\uFFFD"},{"key":"\uFFFD"}]');
  assert.equal(toRowsParameter([{ key: '👋', seq: 1, gone: undefined }]), '[{"key":"👋","seq":1}]');
});

test('only a real moment is a time', () => {
  assert.equal(cleanTime('2026-11-22T10:00:00+01:00'), '2026-11-22T09:00:00.000Z');
  assert.equal(cleanTime('yesterday'), null);
  assert.equal(cleanTime('+275760-09-13T00:00:00Z'), null);
});
