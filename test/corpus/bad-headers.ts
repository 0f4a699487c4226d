import { deflateRawSync, gzipSync } from 'node:zlib';
import type { BadInput, Door } from './bad-input.ts';
import type { RawRequest } from './raw-request.ts';

type Change = (door: Door) => RawRequest;
type Row = readonly [name: string, change: Change, hooks: string, events: string | undefined];

const TAKEN = '202';
const NO_REQUEST = '400 bad_request';
const NO_PLAIN_ID = '400 invalid_header';
const SENT_TWICE = '400 invalid_header';
const OTHER_TYPE = '415 unsupported_media_type';
const NOT_VERIFIED = '401 unauthenticated';

/** The values that a header has instead of its own: none, one or several. */
function put(request: RawRequest, header: string, ...values: string[]): RawRequest {
  const others = request.headers.filter(([name]) => name !== header);
  return { ...request, headers: [...others, ...values.map((value) => [header, value] as const)] };
}

const id =
  (...values: string[]): Change =>
  (door) =>
    put(door.good(), door.idHeader, ...values);
const type =
  (...values: string[]): Change =>
  (door) =>
    put(door.good(), 'content-type', ...values);
const header =
  (name: string, ...values: string[]): Change =>
  (door) =>
    put(door.good(), name, ...values);
/** The sender packs the body and signs what it sends. */
const packed =
  (encoding: string, pack: (bytes: Uint8Array) => Uint8Array): Change =>
  (door) =>
    put(door.good(pack(door.good().body)), 'content-encoding', encoding);

const rows: readonly Row[] = [
  ['an id with a dot', id('a.b'), NO_PLAIN_ID, TAKEN],
  ['an id of 10,000 letters', id('a'.repeat(10_000)), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id of 129 letters', id('a'.repeat(129)), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id that is empty', id(''), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id with a blank inside', id('a b'), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id with a tab inside', id('a\tb'), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id in Latin 1', id('caf\xe9'), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id in UTF-8', id(Buffer.from('日本').toString('latin1')), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id with a slash', id('../../etc/passwd'), NO_PLAIN_ID, NO_PLAIN_ID],
  ['an id sent twice', id('a', 'a'), NO_PLAIN_ID, NO_PLAIN_ID],
  ['no id', id(), TAKEN, TAKEN],
  ['an id with CR and LF, and a header behind', id('a\r\nx-added: 1'), TAKEN, TAKEN],
  ['an id with a CR alone', id('a\rb'), NO_REQUEST, NO_REQUEST],
  ['an id with an LF alone', id('a\nx-added: 1'), NO_REQUEST, NO_REQUEST],
  ['an id with a byte 0', id('a\0b'), NO_REQUEST, NO_REQUEST],
  ['an id with a byte 127', id('a\x7fb'), NO_REQUEST, NO_REQUEST],

  ['no content type', type(), OTHER_TYPE, OTHER_TYPE],
  ['an empty content type', type(''), OTHER_TYPE, OTHER_TYPE],
  ['text/plain', type('text/plain'), OTHER_TYPE, OTHER_TYPE],
  ['a form', type('application/x-www-form-urlencoded'), OTHER_TYPE, OTHER_TYPE],
  ['a multipart form', type('multipart/form-data; boundary=x'), OTHER_TYPE, OTHER_TYPE],
  ['JSON in UTF-16', type('application/json; charset=utf-16'), OTHER_TYPE, OTHER_TYPE],
  ['JSON in Latin 1', type('application/json;charset=iso-8859-1'), OTHER_TYPE, OTHER_TYPE],
  ['JSON in UTF-8 and in UTF-16', type('application/json; charset=utf-8; charset=utf-16'), OTHER_TYPE, OTHER_TYPE],
  ['a content type with a tab and more', type('application/json\ta'), OTHER_TYPE, OTHER_TYPE],
  ['a content type with a blank and more', type('application/json a'), OTHER_TYPE, OTHER_TYPE],
  ['a content type with a semicolon at its end', type('application/json;'), OTHER_TYPE, OTHER_TYPE],
  ['a content type with a comma in front', type(', application/json'), OTHER_TYPE, OTHER_TYPE],
  ['two content types in one header', type('application/json, text/plain'), OTHER_TYPE, OTHER_TYPE],
  ['two content types in two headers', type('application/json', 'text/plain'), SENT_TWICE, SENT_TWICE],
  ['a content type that only begins like JSON', type('application/jsonp'), OTHER_TYPE, OTHER_TYPE],
  ['a content type without its type', type('json'), OTHER_TYPE, OTHER_TYPE],
  ['a content type of 10,000 letters', type(`application/json; charset=${'x'.repeat(10_000)}`), OTHER_TYPE, OTHER_TYPE],
  ['a content type in capitals, in UTF-8', type('APPLICATION/JSON; CHARSET="UTF-8"'), TAKEN, OTHER_TYPE],

  ['a body in gzip', packed('gzip', gzipSync), OTHER_TYPE, OTHER_TYPE],
  ['a body in gzip by its old name', packed('x-gzip', gzipSync), OTHER_TYPE, OTHER_TYPE],
  ['a body in deflate', packed('deflate', deflateRawSync), OTHER_TYPE, OTHER_TYPE],
  ['a content encoding that nobody knows', header('content-encoding', 'zip'), OTHER_TYPE, OTHER_TYPE],
  ['two content encodings', header('content-encoding', 'identity', 'gzip'), SENT_TWICE, SENT_TWICE],
  ['the content encoding that changes nothing', header('content-encoding', 'identity'), TAKEN, TAKEN],

  ['no credential', (door) => put(door.good(), door.credentialHeader), NOT_VERIFIED, NOT_VERIFIED],
  ['an empty credential', (door) => put(door.good(), door.credentialHeader, ''), NOT_VERIFIED, NOT_VERIFIED],
  ['a credential of 10,000 letters', (door) => put(door.good(), door.credentialHeader, 'x'.repeat(10_000)), NOT_VERIFIED, NOT_VERIFIED],
  ['a credential that is no text', (door) => put(door.good(), door.credentialHeader, '\xff\xfe'), NOT_VERIFIED, NOT_VERIFIED],

  ['a header of 20,000 bytes', header('x-long', 'x'.repeat(20_000)), '431 headers_too_large', '431 headers_too_large'],
  [
    'headers of 20,000 bytes',
    (door) => ({ ...door.good(), headers: [...door.good().headers, ...many(500)] }),
    '431 headers_too_large',
    '431 headers_too_large',
  ],
  ['two hosts', header('host', 'a', 'b'), SENT_TWICE, SENT_TWICE],
  ['no host', header('host'), NO_REQUEST, NO_REQUEST],
  ['a trace that is none', header('traceparent', '00-xyz\xff'), TAKEN, TAKEN],
  ['a trace sent twice', header('traceparent', 'a', 'b'), TAKEN, TAKEN],
  ['headers of the broker and of ours', (door) => put(put(door.good(), 'nats-msg-id', 'x'), 'vis-key', 'y'), TAKEN, TAKEN],
  ['a header that ends in blanks', header('x-blank', 'a  \t '), TAKEN, TAKEN],
  ['an address that a proxy would add', header('x-forwarded-for', "127.0.0.1, ' OR 1=1 --"), TAKEN, TAKEN],
  ['a cookie', header('cookie', '__proto__=1'), TAKEN, TAKEN],
];

function many(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`x-${index}`, 'x'.repeat(32)]);
}

export const BAD_HEADERS: readonly BadInput[] = rows.map(([name, request, hooks, events]) => ({
  name: `headers: ${name}`,
  request,
  hooks,
  events,
}));
