import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnArray, readColumns } from './column-arrays.ts';

const arrayOf = (type: string, ...values: unknown[]): string =>
  columnArray(
    values.map((value) => ({ value })),
    readColumns(`value ${type}`)[0]!,
  );

test('a column is the text of a PostgreSQL array, whatever its texts hold', () => {
  assert.equal(arrayOf('text', 'a', 'b "c"', 'd\\e', 'f\ng', '', null, undefined), '{"a","b \\"c\\"","d\\\\e","f\ng","",null,null}');
  assert.equal(arrayOf('text', 'null', '{a,b}', 'é👋'), '{"null","{a,b}","é👋"}');
  assert.equal(arrayOf('text', 'a\0', '\ud83d'), '{"a\uFFFD","\uFFFD"}');
  assert.equal(arrayOf('int', 1, -2.5, NaN, null), '{1,-2.5,null,null}');
  assert.equal(arrayOf('boolean', true, false), '{true,false}');
  assert.equal(arrayOf('bigint[]', [1, 2], []), '{"{1,2}","{}"}');
});

test('the JSON of a column is text in an array: its own escapes stay escapes', () => {
  assert.equal(arrayOf('jsonb', { a: 'b\n"c"\\' }, null), String.raw`{"{\"a\":\"b\\n\\\"c\\\"\\\\\"}",null}`);
});
