import type { BadInput, Door } from './bad-input.ts';
import { writeRequest } from './raw-request.ts';

/** Works on the whole request as text, a character per byte. */
type Change = (request: string, door: Door) => string;
type Row = readonly [name: string, change: Change, hooks: string, events: string | undefined];

const TAKEN = '202';
const NO_REQUEST = '400 bad_request';
const NOT_FOUND = '404 not_found';
const OTHER_METHOD = '405 method_not_allowed';
const TOO_LATE = '408 timeout';

const LENGTH = /content-length: (\d+)\r\n/;

/** Another length, whatever it says. */
const length =
  (write: (bytes: number) => string): Change =>
  (request) =>
    request.replace(LENGTH, (_, bytes: string) => `content-length: ${write(Number(bytes))}\r\n`);
const lines =
  (added: string): Change =>
  (request) =>
    request.replace('\r\n', `\r\n${added}`);
/** The request line's method and address. */
const line =
  (write: (method: string, target: string) => string): Change =>
  (request) =>
    request.replace(/^(\S+) (\S+) HTTP\/1\.1/, (_, method: string, target: string) => write(method, target));
const target = (write: (path: string) => string): Change => line((method, path) => `${method} ${write(path)} HTTP/1.1`);
const method = (name: string): Change => line((_, path) => `${name} ${path} HTTP/1.1`);

function cut(request: string): { head: string; body: string } {
  const end = request.indexOf('\r\n\r\n') + 2;
  return { head: request.slice(0, end), body: request.slice(end + 2) };
}

/** Chunks instead of a length; `write` makes them of the body. */
const chunks =
  (write: (body: string) => string, coding = 'transfer-encoding: chunked\r\n'): Change =>
  (request) => {
    const { head, body } = cut(request);
    return `${head.replace(LENGTH, coding)}\r\n${write(body)}`;
  };
const whole = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const coding = (header: string): Change => chunks(whole, header);

/** Two readers of these would not agree where the request ends. */
const smuggled: readonly Row[] = [
  ['a length and chunks', lines('transfer-encoding: chunked\r\n'), NO_REQUEST, NO_REQUEST],
  [
    'chunks and a length behind',
    (request) => request.replace(LENGTH, (own) => `transfer-encoding: chunked\r\n${own}`),
    NO_REQUEST,
    NO_REQUEST,
  ],
  ['chunks in capitals and a length', lines('TRANSFER-ENCODING: CHUNKED\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks behind a tab, and a length', lines('transfer-encoding:\tchunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks behind a line, and a length', lines('transfer-encoding:\r\n chunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['a coding that only ends like chunks', coding('transfer-encoding: xchunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks before another coding', coding('transfer-encoding: chunked, identity\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks twice', coding('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks and another coding', coding('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks in quotes', coding('transfer-encoding: "chunked"\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks behind a vertical tab', coding('transfer-encoding: \x0bchunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['a blank before the colon', coding('transfer-encoding : chunked\r\n'), NO_REQUEST, NO_REQUEST],
  ['an empty coding', coding('transfer-encoding:\r\n'), NO_REQUEST, NO_REQUEST],
  ['chunks in capitals', coding('Transfer-Encoding: Chunked\r\n'), TAKEN, TAKEN],
  ['two lengths', length((bytes) => `${bytes}\r\ncontent-length: ${bytes + 1}`), NO_REQUEST, NO_REQUEST],
  ['the same length twice', length((bytes) => `${bytes}\r\ncontent-length: ${bytes}`), NO_REQUEST, NO_REQUEST],
  ['two lengths in one header', length((bytes) => `${bytes}, ${bytes}`), NO_REQUEST, NO_REQUEST],
  ['a length with a sign', length((bytes) => `+${bytes}`), NO_REQUEST, NO_REQUEST],
  ['a length below zero', length(() => '-1'), NO_REQUEST, NO_REQUEST],
  ['a length in hexadecimal', length((bytes) => `0x${bytes.toString(16)}`), NO_REQUEST, NO_REQUEST],
  ['a length with a blank inside', length((bytes) => `${String(bytes).slice(0, 1)} ${String(bytes).slice(1)}`), NO_REQUEST, NO_REQUEST],
  ['a length in an exponent', length(() => '2e1'), NO_REQUEST, NO_REQUEST],
  ['a length beyond 64 bits', length(() => '18446744073709551617'), NO_REQUEST, NO_REQUEST],
  ['a length of letters', length(() => 'many'), NO_REQUEST, NO_REQUEST],
  ['an empty length', length(() => ''), NO_REQUEST, NO_REQUEST],
  ['a bare LF behind a header', (request) => request.replace('\r\nhost', '\nhost'), NO_REQUEST, NO_REQUEST],
  ['bare LFs before the body', (request) => request.replace('\r\n\r\n', '\n\n'), NO_REQUEST, NO_REQUEST],
  ['a folded header', lines('x-folded: a\r\n b\r\n'), NO_REQUEST, NO_REQUEST],
  ['a header without a colon', lines('x-nothing\r\n'), NO_REQUEST, NO_REQUEST],
  ['a header without a name', lines(': a\r\n'), NO_REQUEST, NO_REQUEST],
  ['a blank in a header name', lines('x blank: a\r\n'), NO_REQUEST, NO_REQUEST],
  ['a byte 0 in a header name', lines('x\0: a\r\n'), NO_REQUEST, NO_REQUEST],
  ['a byte 0 in a header', lines('x-null: a\0b\r\n'), NO_REQUEST, NO_REQUEST],
];

const bodies: readonly Row[] = [
  [
    'good chunks of a byte',
    chunks(
      (body) =>
        `${body
          .split('')
          .map((byte) => `1\r\n${byte}\r\n`)
          .join('')}0\r\n\r\n`,
    ),
    TAKEN,
    TAKEN,
  ],
  ['a chunk with an extension', chunks((body) => `${body.length.toString(16)};a=b\r\n${body}\r\n0\r\n\r\n`), TAKEN, TAKEN],
  [
    'an extension of 20,000 bytes',
    chunks((body) => `${body.length.toString(16)};${'a'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`),
    '413 too_large',
    '413 too_large',
  ],
  ['a chunk size that is none', chunks((body) => `zz\r\n${body}\r\n0\r\n\r\n`), NO_REQUEST, NO_REQUEST],
  ['a chunk size below zero', chunks((body) => `-1\r\n${body}\r\n0\r\n\r\n`), NO_REQUEST, NO_REQUEST],
  ['a chunk size with 0x', chunks((body) => `0x${whole(body)}`), NO_REQUEST, NO_REQUEST],
  ['a chunk size beyond 64 bits', chunks((body) => `1${'0'.repeat(16)}\r\n${body}`), NO_REQUEST, NO_REQUEST],
  ['a chunk that is longer than it says', chunks((body) => `1\r\n${body}\r\n0\r\n\r\n`), NO_REQUEST, NO_REQUEST],
  ['chunks that end in bare LFs', chunks((body) => whole(body).replaceAll('\r\n', '\n')), NO_REQUEST, NO_REQUEST],
  ['chunks without an end', chunks((body) => `${body.length.toString(16)}\r\n${body}\r\n`), TOO_LATE, TOO_LATE],
  ['a chunk that is cut', chunks((body) => `ffff\r\n${body}`), TOO_LATE, TOO_LATE],
  ['a body shorter than its length', length((bytes) => String(bytes + 1)), TOO_LATE, TOO_LATE],
  ['a body longer than its length', length((bytes) => String(bytes - 1)), NO_REQUEST, NO_REQUEST],
  ['a body announced as too large', length(() => '9000000'), '413 too_large', '413 too_large'],
  ['chunks that grow too large', chunks(() => `800001\r\n${'x'.repeat(0x800001)}`), '413 too_large', '413 too_large'],
  ['headers without an end', (request) => cut(request).head, TOO_LATE, TOO_LATE],
  ['a signature in the trailer', (request, door) => signedBehind(request, door), '401 unauthenticated', '401 unauthenticated'],
];

/** A trailer says nothing about the body before it. */
function signedBehind(request: string, door: Door): string {
  const line = new RegExp(`${door.credentialHeader}: [^\\r]*\\r\\n`).exec(request)?.[0] ?? '';
  return chunks((body) => whole(body).replace(/\r\n$/, `${line}\r\n`))(request.replace(line, ''), door);
}

const lists: readonly Row[] = [
  ['GET', method('GET'), OTHER_METHOD, OTHER_METHOD],
  ['HEAD', method('HEAD'), '405', '405'],
  ['PUT', method('PUT'), OTHER_METHOD, OTHER_METHOD],
  ['DELETE', method('DELETE'), OTHER_METHOD, OTHER_METHOD],
  ['OPTIONS', method('OPTIONS'), OTHER_METHOD, OTHER_METHOD],
  ['TRACE', method('TRACE'), NOT_FOUND, NOT_FOUND],
  ['a method in lower case', method('post'), NO_REQUEST, NO_REQUEST],
  ['a method that nobody knows', method('BREW'), NO_REQUEST, NO_REQUEST],
  ['CONNECT', line(() => 'CONNECT 127.0.0.1:80 HTTP/1.1'), '0', '0'],
  // The router takes it for the address itself, which has GET.
  ['OPTIONS *', line(() => 'OPTIONS * HTTP/1.1'), OTHER_METHOD, OTHER_METHOD],

  // RFC 9112 3.2.2: a server has to take it.
  ['the address with its host', target((path) => `http://x${path}`), TAKEN, TAKEN],
  ['two slashes in front', target((path) => `/${path}`), NOT_FOUND, NOT_FOUND],
  ['two slashes inside', target((path) => path.replace(/\/(?=[^/]+$)/, '//')), NOT_FOUND, NOT_FOUND],
  ['a slash at the end', target((path) => `${path}/`), NOT_FOUND, NOT_FOUND],
  ['capitals', target((path) => path.toUpperCase()), NOT_FOUND, NOT_FOUND],
  ['a query', target((path) => `${path}?source=other&__proto__=1`), TAKEN, TAKEN],
  ['an encoded letter', target((path) => path.replace(/[a-z]$/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)), TAKEN, TAKEN],
  ['an encoded slash', target((path) => path.replace(/\/(?=[^/]+$)/, '%2f')), NOT_FOUND, NOT_FOUND],
  ['an encoded byte 0', target((path) => `${path}%00`), NOT_FOUND, NOT_FOUND],
  ['an encoding without its digits', target((path) => `${path}%`), NO_REQUEST, NO_REQUEST],
  ['an encoding that is no UTF-8', target((path) => `${path}%ff`), NO_REQUEST, NO_REQUEST],
  ['a way out', target((path) => `/x/..${path}`), NOT_FOUND, NOT_FOUND],
  ['a semicolon', target((path) => `${path};a=b`), NOT_FOUND, NOT_FOUND],
  ['a fragment', target((path) => `${path}#a`), TAKEN, TAKEN],
  ['10,000 letters', target((path) => `${path}${'x'.repeat(10_000)}`), NO_REQUEST, NOT_FOUND],
  ["an object's own names", target((path) => path.replace(/[^/]+$/, '__proto__')), NOT_FOUND, NOT_FOUND],
  ['a letter that is no ASCII', target((path) => `${path}\xe9`), NO_REQUEST, NO_REQUEST],
  ['a blank inside', target((path) => `${path} x`), NO_REQUEST, NO_REQUEST],
  ['no slash', target(() => 'hooks'), NO_REQUEST, NO_REQUEST],

  ['HTTP/0.9', line((name, path) => `${name} ${path}`), NO_REQUEST, NO_REQUEST],
  ['HTTP/1.0', line((name, path) => `${name} ${path} HTTP/1.0`), TAKEN, TAKEN],
  ['HTTP/2 by its preface', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', NO_REQUEST, NO_REQUEST],
  ['HTTP/9.9', line((name, path) => `${name} ${path} HTTP/9.9`), NO_REQUEST, NO_REQUEST],
  ['a protocol in lower case', line((name, path) => `${name} ${path} http/1.1`), NO_REQUEST, NO_REQUEST],
  ['a blank line in front', (request) => `\r\n${request}`, TAKEN, TAKEN],
  ['a greeting of TLS', () => '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', NO_REQUEST, NO_REQUEST],
  ['a byte 0 first', (request) => `\0${request}`, NO_REQUEST, NO_REQUEST],
  ['a wish to go on', lines('expect: 100-continue\r\n'), TAKEN, TAKEN],
  ['a wish that nobody knows', lines('expect: a-miracle\r\n'), TAKEN, TAKEN],
  ['an upgrade to a socket', lines('upgrade: websocket\r\n'), TAKEN, TAKEN],
  ['an upgrade to HTTP/2', (request) => request.replace('connection: close', 'connection: close, upgrade\r\nupgrade: h2c'), TAKEN, TAKEN],
];

const groups = { 'a length': smuggled, 'a body on the wire': bodies, 'an address or protocol': lists };

export const BAD_FRAMING: readonly BadInput[] = Object.entries(groups).flatMap(([group, rows]) =>
  rows.map(([name, change, hooks, events]) => ({
    name: `${group}: ${name}`,
    request: (door: Door) => Buffer.from(change(writeRequest(door.good()).toString('latin1'), door), 'latin1'),
    hooks,
    events,
  })),
);
