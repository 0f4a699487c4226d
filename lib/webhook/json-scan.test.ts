import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { scaled } from '../dev/test-scale.ts';
import { compilePaths } from './json-paths.ts';
import { scanJson } from './json-scan.ts';
import type { JsonScan } from './json-scan.ts';

const NONE = compilePaths([]);
const NAMES = ['a', 'b', 'ab', '0', '1', '__proto__', 'constructor', 'é', ''];
/** Every path of up to three of the names that a path may have. */
const PATHS = ['a', 'b', 'ab', '0', '1', '__proto__']
  .flatMap((first, _, all) => [
    first,
    ...all.flatMap((second) => [`${first}.${second}`, ...all.map((third) => `${first}.${second}.${third}`)]),
  ])
  .toSorted();
const ALL = compilePaths(PATHS);

/** What is at a path, by the language's own parser. */
function textAt(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return typeof at === 'object' || at === '' ? undefined : at;
}

function parse(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    // It takes a byte order mark away, as the scan does.
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown };
  } catch {
    return undefined;
  }
}

function agrees(bytes: Uint8Array, plan = ALL): void {
  const expected = parse(bytes);
  const scan: JsonScan = scanJson(bytes, plan);
  assert.equal(scan.ok, expected !== undefined, JSON.stringify(Buffer.from(bytes).toString()));
  if (!scan.ok || expected === undefined) return;
  for (const [number, path] of plan.paths.entries()) {
    const value = textAt(expected.value, path);
    const text: string | undefined = scan.texts[number];
    // A number comes as it is written.
    if (typeof value === 'number') assert.equal(Number(text), value, path);
    else
      assert.equal(
        text,
        value === undefined ? undefined : (value as string | boolean).toString(),
        `${path} of ${Buffer.from(bytes).toString()}`,
      );
  }
}

/** JSON with names that matter, written in all the ways that JSON allows: blanks, escapes, repeated names. */
const spelt = (text: string) =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((escaped) => {
    const units = text
      .split('')
      .map((unit, index) =>
        escaped[index] === true ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : JSON.stringify(unit).slice(1, -1),
      );
    return `"${units.join('')}"`;
  });
const name = fc.constantFrom(...NAMES).chain(spelt);
const blank = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const { document } = fc.letrec<{ document: string; members: string; items: string }>((tie) => ({
  document: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.constantFrom(
      '0',
      '-0.5e+3',
      '12345678901234567890',
      '1e400',
      '1E-7',
      'true',
      'false',
      'null',
      '""',
      '"\\u0000\\ud800x"',
      '"\\"\\\\"',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 5 }).map((text) => JSON.stringify(text)),
    tie('members'),
    tie('items'),
  ),
  members: fc
    .tuple(fc.array(fc.tuple(blank, name, blank, tie('document'), blank), { maxLength: 4 }), blank)
    .map(([members, inside]) => `{${members.map(([a, key, b, value, c]) => `${a}${key}${b}:${a}${value}${c}`).join(',') || inside}}`),
  items: fc
    .tuple(fc.array(fc.tuple(blank, tie('document'), blank), { maxLength: 4 }), blank)
    .map(([items, inside]) => `[${items.map((parts) => parts.join('')).join(',') || inside}]`),
}));

test('what JSON.parse takes is taken, with the same values at every path', () => {
  fc.assert(
    fc.property(fc.boolean(), document, (isMarked, text) => agrees(Buffer.from(isMarked ? `\uFEFF${text}` : text))),
    { numRuns: scaled({ day: 300, night: 2_500 }) },
  );
});

test('what JSON.parse refuses is refused, however near it is', () => {
  const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 3 }), put: fc.uint8Array({ maxLength: 2 }) });
  fc.assert(
    fc.property(document, edit, (text, { at, cut, put }) => {
      const bytes = Buffer.from(text);
      const from = at % (bytes.length + 1);
      agrees(Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]));
    }),
    { numRuns: scaled({ day: 600, night: 5_000 }) },
  );
});

/** All by night; by day those that JSON knows, and one of each other kind: control, ASCII, UTF-8's first, next and wrong bytes. */
const BYTES = scaled({
  day: [...Buffer.from('{}[]:,"\\+-.0189eEfnrtu /'), 0, 9, 10, 13, 0x1f, 0x61, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf5, 0xff],
  night: Array.from({ length: 256 }, (_, byte) => byte),
});

test('single bytes in every place of a document with all kinds of tokens', () => {
  const plan = compilePaths(['a.0', 'a.1', 'b.0', 'ab']);
  const bytes = Buffer.from('{"a":[-0.1e+2,"\\u00e9é\\n0123456789"],"b":{"0":true},"ab":null} ');
  for (let at = 0; at <= bytes.length; at += 1)
    for (const byte of BYTES) {
      agrees(Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]), plan);
      if (at < bytes.length) agrees(Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + 1)]), plan);
    }
  for (let at = 0; at < bytes.length; at += 1) agrees(bytes.subarray(0, at), plan);
});

test('a million levels, a million names and a million digits are read', () => {
  const million = 1_000_000;
  const deep = scanJson(Buffer.from(`{"a":${'['.repeat(million)}${']'.repeat(million)},"b":1}`), compilePaths(['a.0.0.b', 'b']));
  assert.deepEqual(deep, { ok: true, texts: [undefined, '1'] });
  const open = scanJson(Buffer.from('{"a":'.repeat(million)), compilePaths(['a.a']));
  assert.deepEqual(open, { ok: false, offset: 5 * million, because: 'it ends too early' });
  const wide = Buffer.from(`{${Array.from({ length: million }, (_, index) => `"k${index}":0`).join(',')},"id":"x"}`);
  assert.deepEqual(scanJson(wide, compilePaths(['id', 'k999999'])), { ok: true, texts: ['x', '0'] });
  const long = scanJson(Buffer.from(`[${'9'.repeat(million)}]`), compilePaths(['0']));
  assert.equal(long.ok && long.texts[0]?.length, million);
});

test('the first byte that does not fit is named', () => {
  const cases: readonly [string | Uint8Array, number, string][] = [
    ['', 0, 'it is empty'],
    [' ', 1, 'it ends too early'],
    ['{"a":1', 6, 'it ends too early'],
    ['"a', 2, 'it ends too early'],
    ['{"a":1,}', 7, 'it is not JSON'],
    ['[1,2}', 4, 'it is not JSON'],
    ['{} {}', 3, 'it is not JSON'],
    ['{a:1}', 1, 'it is not JSON'],
    ['[tru]', 4, 'it is not JSON'],
    ['[01]', 2, 'it is not JSON'],
    ['[1.]', 3, 'it is not JSON'],
    ['["\\x"]', 3, 'it is not JSON'],
    ['["\\u12g4"]', 6, 'it is not JSON'],
    ['["a\nb"]', 3, 'it is not JSON'],
    ['\uFEFF\uFEFF1', 3, 'it is not JSON'],
    [Buffer.from([0x22, 0x61, 0xc3, 0xa9, 0xff, 0x22]), 4, 'it is not UTF-8'],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 1, 'it is not UTF-8'],
  ];
  for (const [body, offset, because] of cases)
    assert.deepEqual(scanJson(Buffer.from(body), NONE), { ok: false, offset, because }, JSON.stringify(body));
});

test('a long id is not rounded', () => {
  const scan = scanJson(Buffer.from('{"id":12345678901234567891}'), compilePaths(['id', 'id']));
  assert.deepEqual(scan, { ok: true, texts: ['12345678901234567891'] });
});
