import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { anyText } from '../dev/any-text.ts';
import { patience, scaled } from '../dev/test-scale.ts';
import { JsonFault } from './json-fault.ts';
import { MAX_JSON_DEPTH, scanJson } from './json-scan.ts';
import { textOf } from './json-text.ts';
import { utf8Prefix } from './utf8-prefix.ts';

const scan = (text: string | Uint8Array, levels = 0) => scanJson(Buffer.from(text), levels);

function faultOf(text: string | Uint8Array): JsonFault {
  try {
    scan(text);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  throw new Error(`expected a fault: ${JSON.stringify(text)}`);
}

test('what JSON.parse takes is taken, and nothing else', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"\\u00e9"',
    '"\\x"',
    '0',
    '-1',
    '01',
    '1.5e-3',
    '.5',
    'true',
    'nul',
    ' ',
    '\n',
    '\t',
    '"',
    '\\',
    'é',
    '\u0001',
  ];
  const broken = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      let isTaken = true;
      try {
        scan(text);
      } catch (error) {
        assert.ok(error instanceof JsonFault);
        assert.ok(error.place.offset <= Buffer.byteLength(text));
        isTaken = false;
      }
      assert.equal(isTaken, isJson, JSON.stringify(text));
    }),
    { numRuns: scaled({ day: 1_000, night: 5_000 }) },
  );
});

test('parts are the bytes that came, in their order, with repeated names', () => {
  const text = ' {"n": 12345678901234567890.10, "a":[1 , {"b":2}],"n":"\\u00e9\\n"} ';
  const root = scan(text, 2);
  const bytes = Buffer.from(text);
  const slice = ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end).toString();
  assert.deepEqual(
    root.members.map(({ name, value }) => [name, value.kind, slice(value)]),
    [
      ['n', 'number', '12345678901234567890.10'],
      ['a', 'array', '[1 , {"b":2}]'],
      ['n', 'string', '"\\u00e9\\n"'],
    ],
  );
  assert.deepEqual(root.members[1]?.value.items.map(slice), ['1', '{"b":2}']);
  assert.equal(textOf(bytes, root.members[2]?.value ?? root), 'é\n');
});

test('a fault names its place by pointer and offset', () => {
  const cases: readonly [string | Uint8Array, string, number][] = [
    ['', '', 0],
    ['{', '', 1],
    ['{"a":1,}', '', 7],
    ['{"a":[1,2,x]}', '/a/2', 10],
    ['{"a/b":{"c~":tru}}', '/a~1b/c~0', 16],
    ['[1] 2', '', 4],
    ['{"a":"\u0001"}', '/a', 6],
    ['{"a":"\\u12"}', '/a', 10],
    [Buffer.from([0x22, 0x61, 0xc3, 0xa9, 0xff, 0x22]), '', 4],
    [Buffer.from([0x22, 0x61, 0xe2, 0x82]), '', 2],
    [Buffer.concat([Buffer.from('{"a":["b","'), Buffer.from([0xff, 0x22])]), '/a/1', 11],
    [Buffer.concat([Buffer.from('{"a":x,"'), Buffer.from([0xff, 0x22])]), '/a', 5],
    [Buffer.concat([Buffer.from('1 '), Buffer.from([0xff])]), '', 2],
  ];
  for (const [text, pointer, offset] of cases) {
    const { code, place } = faultOf(text);
    assert.deepEqual([code, place], ['invalid_json', { pointer, offset }], JSON.stringify(text));
  }
});

test('64 levels are taken, and a level more is told before it is read', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(scan(nested(MAX_JSON_DEPTH)).kind, 'array');
  const fault = faultOf('['.repeat(1_000_000));
  assert.deepEqual([fault.code, fault.place.offset], ['too_deep', MAX_JSON_DEPTH]);
  assert.equal(fault.place.pointer, '/0'.repeat(MAX_JSON_DEPTH));
});

test("an object's prototype is found by any spelling, and told of the part it is in", () => {
  const cases: readonly [string, string | undefined][] = [
    ['{"a":{"__proto__":1}}', '/a/__proto__'],
    ['{"\\u005f_proto__":1}', '/__proto__'],
    ['[{"constructor":{"x":1,"prototype":{}}}]', '/0/constructor/prototype'],
    ['{"prototype":{"constructor":1}}', undefined],
    ['{"a":"__proto__"}', undefined],
  ];
  for (const [text, pointer] of cases) assert.equal(scan(text).prototype?.pointer, pointer, text);
  const [first, second] = scan('[{"a":1},{"__proto__":1}]', 1).items;
  assert.deepEqual([first?.prototype, second?.prototype?.pointer], [undefined, '/1/__proto__']);
});

test('prototypes named again and again below a long name cost no more than their bytes', () => {
  const text = `{"${'a'.repeat(500_000)}":[${Array.from({ length: 5_000 }, () => '{"__proto__":0}').join(',')}]}`;
  const startedAt = performance.now();
  assert.equal(scan(text, 1).prototype?.pointer.length, 500_013);
  // Tens of milliseconds; where the place of each is told, twenty seconds.
  assert.ok(performance.now() - startedAt < patience(2_000), `${performance.now() - startedAt} ms`);
});

test('a byte order mark is passed over', () => {
  assert.equal(scan('\uFEFF{"a":1}').kind, 'object');
});

test('the first byte that is no UTF-8 is found, wherever it is', () => {
  const text = anyText({ maxLength: 60 });
  const wrong = fc.constantFrom([0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0xa0]);
  fc.assert(
    fc.property(text, wrong, (before, bytes) => {
      const good = Buffer.from(before);
      assert.equal(utf8Prefix(Buffer.concat([good, Buffer.from(bytes), Buffer.from('"')])), good.length);
      assert.equal(utf8Prefix(good), good.length);
    }),
  );
});
