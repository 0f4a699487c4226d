/** The head of a request of the usual form. */
export interface RequestHead {
  readonly path: string;
  /** Name, value, name, value ..., as they came. */
  readonly rawHeaders: readonly string[];
  readonly contentLength: number;
  /** Undefined where it was not sent. */
  readonly forwardedFor: string | undefined;
}

/** One line for the method, then one `Name: value` a line, in printable ASCII: every reader of HTTP/1.1 (RFC 9112) reads it alike. */
const USUAL_HEAD = /^POST \/[A-Za-z0-9/._-]* HTTP\/1\.1(?:\r\n[A-Za-z0-9-]+: [!-~][ -~]*)+$/;
const PATH_AT = 'POST '.length;
const AFTER_PATH = ' HTTP/1.1'.length;
/** Below the limit of any server in front of us. */
const CONTENT_LENGTH = /^(0|[1-9]\d{0,9})$/;

/**
 * Headers that decide how a request is read, by whom, or who sent it; each as a bit, to see that it was sent once.
 * 0: not read here at all.
 */
const DECIDING: ReadonlyMap<string, number> = new Map([
  ['host', 1],
  ['content-length', 2],
  ['content-type', 4],
  ['authorization', 8],
  ['idempotency-key', 16],
  ['x-forwarded-for', 32],
  ['connection', 64],
  ...[
    'transfer-encoding',
    'content-encoding',
    'expect',
    'upgrade',
    'trailer',
    'te',
    'keep-alive',
    'proxy-connection',
    'http2-settings',
  ].map((name) => [name, 0] as const),
]);
const HOST_AND_LENGTH = 1 | 2;

/**
 * Reads a head, without the blank line at its end, if it is a POST as nearly every client writes it. Undefined says nothing about the
 * request but that a whole parser has to read it.
 */
export function readRequestHead(text: string): RequestHead | undefined {
  if (!USUAL_HEAD.test(text)) return undefined;
  let end = text.indexOf('\r\n');
  const path = text.slice(PATH_AT, end - AFTER_PATH);
  const rawHeaders: string[] = [];
  let seen = 0;
  let contentLength = -1;
  let forwardedFor: string | undefined;
  while (end !== -1) {
    const start = end + 2;
    const colon = text.indexOf(':', start);
    end = text.indexOf('\r\n', start);
    const name = text.slice(start, colon);
    const value = (end === -1 ? text.slice(colon + 2) : text.slice(colon + 2, end)).trimEnd();
    rawHeaders.push(name, value);
    const known = name.toLowerCase();
    const bit = DECIDING.get(known);
    if (bit === undefined) continue;
    if (bit === 0 || (seen & bit) !== 0) return undefined;
    seen |= bit;
    if (known === 'content-length') contentLength = CONTENT_LENGTH.test(value) ? Number(value) : -1;
    else if (known === 'connection' && value.toLowerCase() !== 'keep-alive') return undefined;
    else if (known === 'x-forwarded-for') forwardedFor = value;
  }
  if ((seen & HOST_AND_LENGTH) !== HOST_AND_LENGTH || contentLength === -1) return undefined;
  return { path, rawHeaders, contentLength, forwardedFor };
}
