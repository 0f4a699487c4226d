import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJsonBody } from './json-body.ts';

function read(body: string | Uint8Array) {
  const result = readJsonBody(typeof body === 'string' ? Buffer.from(body) : body);
  return result.ok ? 'ok' : result.code;
}

test('what a reader behind us can take is JSON', () => {
  for (const body of [
    '{}',
    'null',
    '""',
    '[]',
    ' 1 ',
    '\uFEFF{"a":1}',
    '{"a":1,"a":2}',
    '{"a":"\\u0000\\ud800"}',
    '[1e400, 12345678901234567890]',
    `"${'['.repeat(100)}"`,
    '{"constructor":1}',
  ])
    assert.equal(read(body), 'ok', body);
});

test('what is no JSON is refused', () => {
  for (const body of ['', ' ', '{', '{"a":}', "{'a':1}", '[1,]', '{} {}', 'nul', '\u0000', '01', '"a\nb"', 'NaN'])
    assert.equal(read(body), 'invalid_json', JSON.stringify(body));
  assert.equal(read(Buffer.from([0x22, 0xff, 0x22])), 'invalid_json');
});

test('a body is at most 64 levels deep, and strings do not count', () => {
  assert.equal(read('['.repeat(64) + ']'.repeat(64)), 'ok');
  assert.equal(read('['.repeat(65) + ']'.repeat(65)), 'too_deep');
  assert.equal(read('{"a":'.repeat(10_000)), 'too_deep');
  assert.equal(read(JSON.stringify({ a: '\\"['.repeat(100) })), 'ok');
});

test("a body that names an object's prototype is refused, however it is spelt", () => {
  for (const body of [
    '{"__proto__":1}',
    '[{"a":{"__proto__":{}}}]',
    '{"\\u005f\\u005fproto__":1}',
    '{"constructor":{"prototype":{}}}',
    '{"constructor":{"\\u0070rototype":{}}}',
  ])
    assert.equal(read(body), 'invalid_json', body);
  assert.equal(read('{"a":"__proto__"}'), 'ok');
});

test('the message never quotes the body', () => {
  const result = readJsonBody(Buffer.from('hunter2'));
  assert.ok(!result.ok && !result.because.includes('hunter2'));
});
