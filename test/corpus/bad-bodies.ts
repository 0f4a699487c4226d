import type { BadInput } from './bad-input.ts';

type Row = readonly [name: string, body: string | Uint8Array, hooks: string, events: string | undefined];

const TAKEN = '202';
const NO_JSON = '400 invalid_json';
/** The data is the first of 64 levels, and the event around it one. */
const tooDeep = (step: string) => `400 too_deep /data${step.repeat(63)}`;

const bytes = (...values: number[]) => Uint8Array.from(values);
const nested = (open: string, inside: string, close: string, levels: number) => open.repeat(levels) + inside + close.repeat(levels);

/** A million names, none twice, in less than 8 MiB. */
function manyNames(): string {
  const letters = Array.from({ length: 90 }, (_, index) =>
    String.fromCharCode(index < 1 ? 0x21 : index < 58 ? 0x22 + index : 0x23 + index),
  );
  const name = (number: number): string => (number < 90 ? '' : name(Math.floor(number / 90) - 1)) + (letters[number % 90] ?? '');
  return `{${Array.from({ length: 1_000_000 }, (_, index) => `"${name(index)}":0`).join(',')}}`;
}

/** JSON that a parser can read and that is a trap behind it: the sender is genuine, and the bytes are kept as they came. */
const traps: readonly Row[] = [
  ['lists 10,000 levels deep', nested('[', '', ']', 10_000), TAKEN, tooDeep('/0')],
  ['objects 10,000 levels deep', nested('{"a":', '1', '}', 10_000), TAKEN, tooDeep('/a')],
  ['lists two million levels deep', nested('[', '', ']', 2_000_000), TAKEN, tooDeep('/0')],
  ["an object's prototype by its name", '{"__proto__":{"isAdmin":true}}', TAKEN, '400 invalid_event /data/__proto__'],
  [
    "an object's prototype by its constructor",
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    TAKEN,
    '400 invalid_event /data/constructor/prototype',
  ],
  ["an object's prototype in escapes", '{"\\u005f\\u005fproto__":1}', TAKEN, '400 invalid_event /data/__proto__'],
  ['the same name twice', '{"action":"published","action":"deleted"}', TAKEN, TAKEN],
  ['a text with U+0000', '{"a":"\\u0000"}', TAKEN, TAKEN],
  ['a name with U+0000', '{"\\u0000":1}', TAKEN, TAKEN],
  ['half of a surrogate pair', '{"a":"\\ud800"}', TAKEN, TAKEN],
  ['half of a surrogate pair as the action', '{"action":"\\udc00"}', TAKEN, TAKEN],
  ['line breaks as the action', '{"action":"a\\r\\nVis-Key: b"}', TAKEN, TAKEN],
  ['a number beyond all numbers', '{"a":1e400}', TAKEN, TAKEN],
  ['an integer of 20 digits', '{"a":12345678901234567890}', TAKEN, TAKEN],
  ['a number of 900,000 digits', `{"a":${'9'.repeat(900_000)}}`, TAKEN, TAKEN],
  ['a text of a million letters as the action', `{"action":"${'x'.repeat(1_000_000)}"}`, TAKEN, TAKEN],
  ['a million names', manyNames(), TAKEN, TAKEN],
  ['a byte order mark', '\uFEFF{"a":1}', TAKEN, '400 invalid_json /data'],
  ['null', 'null', TAKEN, TAKEN],
  ['an empty text', '""', TAKEN, TAKEN],
  ['an empty list', '[]', TAKEN, TAKEN],
  ['a number', '0', TAKEN, TAKEN],
  ['blanks around', ' \t\r\n{} \n', TAKEN, TAKEN],
  ['an object where a text is read', '{"action":{"a":1},"repository":[]}', TAKEN, TAKEN],
];

const broken: readonly Row[] = [
  ['an empty body', '', NO_JSON, '400 invalid_json /data'],
  ['only blanks', ' \n', NO_JSON, '400 invalid_json /data'],
  ['only a byte order mark', '\uFEFF', NO_JSON, '400 invalid_json /data'],
  ['two byte order marks', '\uFEFF\uFEFF{}', NO_JSON, '400 invalid_json /data'],
  ['an object without its end', '{"a":1', NO_JSON, '400 invalid_json /data'],
  ['a text without its end', '{"a":"b', NO_JSON, '400 invalid_json /data/a'],
  ['a million levels without their end', '['.repeat(1_000_000), NO_JSON, tooDeep('/0')],
  ['a bracket that closes a brace', '{"a":1]', NO_JSON, '400 invalid_json /data/a'],
  ['a comma before the end of an object', '{"a":1,}', NO_JSON, '400 invalid_json /data'],
  ['a comma before the end of a list', '[1,]', NO_JSON, '400 invalid_json /data/1'],
  ['a name without quotes', '{a:1}', NO_JSON, '400 invalid_json /data'],
  ['single quotes', "{'a':1}", NO_JSON, '400 invalid_json /data'],
  ['a comment', '{"a":1} // done', NO_JSON, '400 invalid_json /data'],
  ['two documents', '{}{}', NO_JSON, '400 invalid_json /data'],
  ['a word that is none', '{"a":tru}', NO_JSON, '400 invalid_json /data/a'],
  ['a word in capitals', '{"a":TRUE}', NO_JSON, '400 invalid_json /data/a'],
  ['NaN', '{"a":NaN}', NO_JSON, '400 invalid_json /data/a'],
  ['Infinity', '{"a":-Infinity}', NO_JSON, '400 invalid_json /data/a'],
  ['a zero in front', '{"a":01}', NO_JSON, '400 invalid_json /data/a'],
  ['a plus in front', '{"a":+1}', NO_JSON, '400 invalid_json /data/a'],
  ['a number that begins with its point', '{"a":.5}', NO_JSON, '400 invalid_json /data/a'],
  ['a number that ends with its point', '{"a":1.}', NO_JSON, '400 invalid_json /data/a'],
  ['a hexadecimal number', '{"a":0x10}', NO_JSON, '400 invalid_json /data/a'],
  ['a line break in a text', '{"a":"b\nc"}', NO_JSON, '400 invalid_json /data/a'],
  ['a byte 0', '{"a":1}\0', NO_JSON, '400 invalid_json /data'],
  ['an escape that is none', '{"a":"\\x41"}', NO_JSON, '400 invalid_json /data/a'],
  ['half an escape', '{"a":"\\u12"}', NO_JSON, '400 invalid_json /data/a'],
  ['a no-break space between tokens', '{\u00a0"a":1}', NO_JSON, '400 invalid_json /data'],
  ['a byte that is in no UTF-8', bytes(0x22, 0xff, 0x22), NO_JSON, '400 invalid_json /data'],
  ['a character spelt too long', bytes(0x22, 0xc0, 0x80, 0x22), NO_JSON, '400 invalid_json /data'],
  ['half of a surrogate pair as bytes', bytes(0x22, 0xed, 0xa0, 0x80, 0x22), NO_JSON, '400 invalid_json /data'],
  ['a cut character at the end', bytes(0x22, 0xe2, 0x82), NO_JSON, '400 invalid_json /data'],
  ['UTF-16 with its mark', Buffer.from('\uFEFF{"a":1}', 'utf16le'), NO_JSON, '400 invalid_json /data'],
  ['a form', 'payload=%7B%22a%22%3A1%7D', NO_JSON, '400 invalid_json /data'],
  ['XML', '<?xml version="1.0"?><a/>', NO_JSON, '400 invalid_json /data'],
  ['a picture', bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), NO_JSON, '400 invalid_json /data'],
];

export const BAD_BODIES: readonly BadInput[] = [...traps, ...broken].map(([name, body, hooks, events]) => ({
  name: `a body: ${name}`,
  request: (door) => door.good(body),
  hooks,
  events,
}));
