import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudEvent, HTTP } from 'cloudevents';
import { JsonFault } from '../core/json-fault.ts';
import { readBinaryEvent } from './binary-event.ts';
import type { ReadEvent } from './cloud-event.ts';
import { MAX_BATCH_EVENTS, readEventBatch, readStructuredEvent } from './structured-event.ts';

const GOOD = { specversion: '1.0', id: 'e-1', source: '/shop', type: 'order.paid' };

const structured = (event: unknown) => readStructuredEvent(Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));

const binary = (headers: Record<string, string>, body = '', contentType: string | undefined = 'application/json') =>
  readBinaryEvent(Object.entries(headers).flat(), contentType, Buffer.from(body));

const CE_HEADERS = { 'ce-specversion': '1.0', 'ce-id': 'e-1', 'ce-source': '/shop', 'ce-type': 'order.paid' };

function taken(read: ReadEvent) {
  assert.ok(read.ok, JSON.stringify(read));
  return { ...read.event, attributes: { ...read.event.attributes }, data: Buffer.from(read.event.data).toString() };
}

function mistakes(read: ReadEvent): string[] {
  assert.ok(!read.ok, 'expected mistakes');
  return read.mistakes.map(({ place, because }) => `${'pointer' in place ? place.pointer : place.header}: ${because}`);
}

test('what the official SDK sends, in both modes, is the same event', () => {
  const event = new CloudEvent({
    id: 'e 1 (a)',
    source: 'https://shop.example/orders?a=b%20c',
    type: 'order.paid',
    subject: 'Zurich',
    time: '2026-01-31T12:00:00.123Z',
    dataschema: 'https://shop.example/schema',
    datacontenttype: 'application/json',
    partitionkey: 'p-1',
    priority: 'bulk',
    attempts: 3,
    test: true,
    data: { order: 'o-1', n: 1.5 },
  });
  const one = HTTP.structured(event);
  const two = HTTP.binary(event);
  const fromStructured = taken(structured(one.body as string));
  const fromBinary = taken(binary(two.headers as Record<string, string>, two.body as string));
  assert.deepEqual(JSON.parse(fromStructured.data), { order: 'o-1', n: 1.5 });
  assert.deepEqual(fromStructured, { ...fromBinary, contentType: fromStructured.contentType });
  const { subject, attempts, test: flag, id } = fromBinary.attributes as Record<string, string>;
  assert.deepEqual([id, subject, attempts, flag], ['e 1 (a)', 'Zurich', '3', 'true']);
});

test('data stays the bytes that came, or what they are decoded to', () => {
  const cases: readonly [string, string, string][] = [
    ['"data": {"n": 12345678901234567890.10,  "n":1} ', '{"n": 12345678901234567890.10,  "n":1}', 'application/json'],
    ['"data": null', 'null', 'application/json'],
    ['"data": "text"', '"text"', 'application/json'],
    ['"datacontenttype":"text/plain","data":"a\\u00e9\\n"', 'aé\n', 'text/plain'],
    ['"datacontenttype":"application/vnd.x+json","data":[1]', '[1]', 'application/vnd.x+json'],
    ['"datacontenttype":"image/png","data_base64":"iVBO\\u0052w=="', 'iVBORw==', 'image/png'],
    ['"subject":null', '', 'application/json'],
  ];
  for (const [members, data, contentType] of cases) {
    const event = taken(structured(`${JSON.stringify(GOOD).slice(0, -1)}, ${members}}`));
    const expected = contentType === 'image/png' ? Buffer.from(data, 'base64').toString() : data;
    assert.deepEqual([event.data, event.contentType], [expected, contentType], members);
  }
  assert.equal(taken(binary(CE_HEADERS, '<a/>', 'text/xml')).data, '<a/>');
  assert.equal(taken(binary(CE_HEADERS, '', undefined)).contentType, 'application/json');
});

test('every mistake of an event is told by its place', () => {
  const cases: readonly [unknown, string[]][] = [
    [[], [': expected an object with an event, got an array']],
    [
      {},
      [
        '/id: expected it, got nothing',
        '/source: expected it, got nothing',
        '/specversion: expected it, got nothing',
        '/type: expected it, got nothing',
      ],
    ],
    [{ ...GOOD, id: '', type: 7 }, ['/id: expected 1 to 256 characters, got none', '/type: expected a text, got 7']],
    [{ ...GOOD, id: null }, ['/id: expected it, got null']],
    [{ ...GOOD, id: 'x'.repeat(257) }, ['/id: expected at most 256 characters, got 257']],
    [{ ...GOOD, specversion: '0.3' }, ['/specversion: expected "1.0", got "0.3"']],
    [{ ...GOOD, source: 'a b' }, ['/source: expected a URI reference (RFC 3986), got "a b"']],
    [{ ...GOOD, dataschema: '/relative' }, ['/dataschema: expected a URI with its scheme (RFC 3986), got "/relative"']],
    [
      { ...GOOD, time: '2026-02-30T12:00:00Z' },
      ['/time: expected a time like 2026-01-31T12:00:00Z (RFC 3339), got "2026-02-30T12:00:00Z"'],
    ],
    [{ ...GOOD, time: 'x'.repeat(50) }, [`/time: expected a time like 2026-01-31T12:00:00Z (RFC 3339), got "${'x'.repeat(40)}"...`]],
    [{ ...GOOD, priority: 'urgent' }, ['/priority: expected critical, default or bulk, got "urgent"']],
    [{ ...GOOD, Upper: 'x' }, ['/Upper: expected a name of 1 to 64 lower-case letters and digits']],
    [{ ...GOOD, 'a/b': 'x' }, ['/a~1b: expected a name of 1 to 64 lower-case letters and digits']],
    [{ ...GOOD, extension: { a: 1 } }, ['/extension: expected a text, a boolean or an integer of 32 bits, got an object']],
    [{ ...GOOD, extension: 2_147_483_648 }, ['/extension: expected a text, a boolean or an integer of 32 bits, got 2147483648']],
    [{ ...GOOD, extension: 'a\u0007' }, ['/extension: expected no control characters, no lone surrogates and no noncharacters']],
    [
      JSON.stringify({ ...GOOD, subject: 'x' }).replace('"x"', '"\\ud800"'),
      ['/subject: expected no control characters, no lone surrogates and no noncharacters'],
    ],
    [JSON.stringify(GOOD).replace('{', '{"id":"e-2",'), ['/id: expected it once']],
    [{ ...GOOD, data: 1, data_base64: 'AA==' }, ['/data_base64: expected either data or data_base64, got both']],
    [{ ...GOOD, data_base64: 'AA=' }, ['/data_base64: expected a text in base64 (RFC 4648, 4)']],
    [
      { ...GOOD, datacontenttype: 'application/json', data_base64: 'AA==' },
      ['/data_base64: expected JSON, because datacontenttype is: expected a value'],
    ],
    [{ ...GOOD, datacontenttype: 'text/xml', data: {} }, ['/data: expected a text, because datacontenttype is not JSON; got an object']],
    [{ ...GOOD, datacontenttype: 'json' }, ['/datacontenttype: expected a media type (RFC 9110), got "json"']],
    [
      { ...GOOD, datacontenttype: 'text/plain; charset=latin1', data: 'x' },
      ['/datacontenttype: expected no charset but utf-8 beside data, got "text/plain; charset=latin1"'],
    ],
    [
      JSON.stringify({ ...GOOD, data: 77 }).replace('77', '{"__proto__":1}'),
      ["/data/__proto__: expected no name of an object's prototype"],
    ],
  ];
  for (const [event, expected] of cases) assert.deepEqual(mistakes(structured(event)), expected, JSON.stringify(event));
});

test('every mistake of a header is told by its name', () => {
  const cases: readonly [Record<string, string>, string[]][] = [
    [{ ...CE_HEADERS, 'ce-id': '' }, ['ce-id: expected 1 to 256 characters, got none']],
    [{ ...CE_HEADERS, 'Ce-Id': 'e-2' }, ['ce-id: expected it once']],
    [{ ...CE_HEADERS, 'ce-subject': '%C0%A0' }, ['ce-subject: expected printable ASCII, all else percent-encoded as UTF-8']],
    [{ ...CE_HEADERS, 'ce-subject': 'é' }, ['ce-subject: expected printable ASCII, all else percent-encoded as UTF-8']],
    [{ ...CE_HEADERS, 'ce-datacontenttype': 'text/plain' }, ['ce-datacontenttype: expected Content-Type and the body instead']],
    [{ ...CE_HEADERS, 'ce-a-b': 'x' }, ['ce-a-b: expected a name of 1 to 64 lower-case letters and digits']],
    [{ 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 't' }, ['ce-source: expected it, got nothing']],
  ];
  for (const [headers, expected] of cases) assert.deepEqual(mistakes(binary(headers, '{}')), expected);
  assert.deepEqual(mistakes(binary(CE_HEADERS, '{}', 'application/json; charset=utf-16')), [
    'content-type: expected no charset but utf-8 with JSON, got "application/json; charset=utf-16"',
  ]);
  assert.throws(() => binary(CE_HEADERS, '{'), JsonFault);
  const encoded = taken(binary({ ...CE_HEADERS, 'ce-subject': 'Z%C3%BCrich%20%f0%9f%a6%8a' }));
  assert.equal((encoded.attributes as Record<string, string>)['subject'], 'Zürich 🦊');
  const quoted = taken(binary({ ...CE_HEADERS, 'ce-subject': '"a \\"b\\""' }));
  assert.equal((quoted.attributes as Record<string, string>)['subject'], 'a "b"');
});

test('a batch has its events in order, and the mistakes of one are its own', () => {
  const batch = readEventBatch(Buffer.from(JSON.stringify([GOOD, { ...GOOD, type: '' }, { ...GOOD, id: 'e-3' }])));
  assert.ok(typeof batch !== 'string');
  assert.deepEqual(
    batch.map((read) => (read.ok ? read.event.attributes.id : mistakes(read))),
    ['e-1', ['/1/type: expected 1 to 256 characters, got none'], 'e-3'],
  );
  assert.equal(readEventBatch(Buffer.from('{}')), 'no_array');
  assert.deepEqual(readEventBatch(Buffer.from('[]')), []);
  assert.equal(readEventBatch(Buffer.from(JSON.stringify(Array.from({ length: MAX_BATCH_EVENTS + 1 }, () => 1)))), 'too_many');
});
