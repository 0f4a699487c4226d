import type { Msg, MsgHdrs } from '@nats-io/transport-node';

/**
 * Header values on the wire. A value may come from anybody's JSON, so line breaks must not end it, and the client and the
 * server strip blanks around it. Values are percent-encoded as CloudEvents says (HTTP binding 1.0.2, 3.1.3.2): `%`,
 * everything outside printable ASCII, and in `ce-` headers also the blank and the double quote. What the rule does not
 * touch, which is nearly all, stays readable in any tool.
 */
const UNSAFE = /[^\x20-\x7e]|%|^ +| +$/u;
const UNSAFE_ALL = /[^\x20-\x7e]|%|^ +| +$/gu;
const UNSAFE_CE = /[^\x21-\x7e]|[%"]/u;
const UNSAFE_CE_ALL = /[^\x21-\x7e]|[%"]/gu;

/** Encodes one value; decoded it is the same again, but for lone surrogates, which are no text. */
export function encodeHeaderValue(name: string, value: string): string {
  const isCloudEvent = name.startsWith('ce-');
  if (!(isCloudEvent ? UNSAFE_CE : UNSAFE).test(value)) return value;
  return value.toWellFormed().replace(isCloudEvent ? UNSAFE_CE_ALL : UNSAFE_ALL, (text) => [...Buffer.from(text)].map(percent).join(''));
}

/** Decodes one value; a value that was not encoded by the rule (published by hand) is given back as it is. */
export function decodeHeaderValue(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** What ends the header block. */
const END = '\r\n\r\n';
const START = 'NATS/1.0';
const NAME = /^[!-9;-~]+$/;

/**
 * One header block without its end, so that batch headers can still be added. `Nats-*` headers steer the broker and are
 * dropped: a copy of a stored message must not repeat what its original told the broker.
 * @throws TypeError for a name that is no header name
 */
export function headerBlock(headers: Iterable<readonly [string, string]>): string {
  let block = START;
  for (const [name, value] of headers) {
    if (!NAME.test(name)) throw new TypeError(`header name: expected printable ASCII without a colon, got ${JSON.stringify(name)}`);
    if (!isBrokerHeader(name)) block += `\r\n${name}: ${encodeHeaderValue(name, value)}`;
  }
  return block;
}

/**
 * The client builds headers through a map of arrays with a check per access; a ready block is several times cheaper.
 * It needs nothing but `encode`.
 */
export function readyHeaders(block: string): MsgHdrs {
  const bytes = Buffer.from(block + END, 'latin1');
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** The headers of a received message as a record, decoded, without the broker's own. A repeated one counts once, the first. */
export function readHeaders(message: Msg): Record<string, string> {
  const record: Record<string, string> = {};
  const block = rawBlock(message);
  if (block === undefined) {
    for (const [name, [value]] of message.headers ?? []) if (value !== undefined) put(record, name, value);
    return record;
  }
  // The first line is the version.
  let start = block.indexOf('\r\n') + 2;
  for (let end = block.indexOf('\r\n', start); end > start; end = block.indexOf('\r\n', start)) {
    const colon = block.indexOf(':', start);
    if (colon > start && colon < end) put(record, block.slice(start, colon), block.slice(colon + 1, end).trim());
    start = end + 2;
  }
  return record;
}

function put(record: Record<string, string>, name: string, value: string): void {
  if (!isBrokerHeader(name) && !Object.hasOwn(record, name)) record[name] = decodeHeaderValue(value);
}

/**
 * The client decodes headers into a map of arrays, which costs more than all the rest of a delivery (measured: a scan of
 * the log is 3 times faster without). The bytes are in two fields that its types do not show; undefined where a newer
 * client has them elsewhere.
 */
function rawBlock(message: Msg): string | undefined {
  const { _rdata: bytes, _msg: frame } = message as unknown as { _rdata?: unknown; _msg?: { hdr?: unknown } };
  if (!(bytes instanceof Uint8Array) || typeof frame?.hdr !== 'number') return undefined;
  return frame.hdr <= 0 ? '\r\n' : Buffer.from(bytes.buffer, bytes.byteOffset, frame.hdr).toString('utf8');
}

const BROKER_HEADER = /^nats-./i;

function isBrokerHeader(name: string): boolean {
  return BROKER_HEADER.test(name);
}
