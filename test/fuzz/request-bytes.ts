import type { FuzzRequest, Spoilt } from './request-arbitrary.ts';

/** The request as bytes. Its length is its body's, unless one of its headers says how it is framed. */
export function requestBytes({ method, address, headers, body, spoilt }: FuzzRequest): Buffer {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const isFramed = names.has('content-length') || names.has('transfer-encoding');
  const lines = [`${method} ${address} HTTP/1.1`, 'Host: 127.0.0.1', ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (!isFramed) lines.push(`Content-Length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8');
  const isChunked = headers.some(([name, value]) => name === 'Transfer-Encoding' && value === 'chunked');
  const payload = isChunked
    ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from(body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n')])
    : body;
  const bytes = Buffer.concat([head, payload]);
  return spoilt === undefined ? bytes : spoil(bytes, spoilt);
}

function spoil(bytes: Buffer, { kind, at, byte }: Spoilt): Buffer {
  const place = Math.floor(at * bytes.length);
  switch (kind) {
    case 'cut':
      return bytes.subarray(0, place);
    case 'flip': {
      const copy = Buffer.from(bytes);
      copy[place] = byte;
      return copy;
    }
    case 'insert':
      return Buffer.concat([bytes.subarray(0, place), Buffer.from([byte]), bytes.subarray(place)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(Math.max(0, place - 20))]);
  }
}

/** Whether the server may wait for more than was sent: then the sender says that this is all. */
export function mayBeShort({ headers, spoilt }: FuzzRequest): boolean {
  return spoilt !== undefined || headers.some(([name]) => /^(content-length|transfer-encoding|expect|upgrade|connection)$/i.test(name));
}
