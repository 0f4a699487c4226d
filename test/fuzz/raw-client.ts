import { connect, type Socket } from 'node:net';

/** An answer as it came; header names in lower case. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * One connection over a bare socket, so that bytes can be sent that no client library sends. It is kept while the server
 * keeps it, and opened again when it is not. One request at a time.
 */
export class RawClient {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * Sends the bytes and reads one whole answer. `ends` says that nothing more is sent: for requests that would make the
   * server wait. Undefined: the server closed without one. Rejects after `timeoutMs`.
   */
  send(
    request: Uint8Array,
    options: { readonly isHead: boolean; readonly ends: boolean; readonly timeoutMs: number },
  ): Promise<RawAnswer | undefined> {
    const socket = (this.#socket ??= this.#open());
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const finish = (answer: RawAnswer | undefined) => {
        clearTimeout(timer);
        socket.off('data', onData).off('close', onClose);
        if (answer === undefined || options.ends || answer.headers.get('connection') === 'close') this.#drop();
        resolve(answer);
      };
      const timer = setTimeout(() => {
        this.#drop();
        reject(new Error(`no answer in ${options.timeoutMs} ms, got ${JSON.stringify(received.toString('latin1').slice(0, 200))}`));
      }, options.timeoutMs);
      const onData = (bytes: Buffer) => {
        received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
        const answer = parseAnswer(received, options.isHead);
        if (answer !== undefined) finish(answer);
      };
      const onClose = () => finish(undefined);
      socket.on('data', onData).once('close', onClose);
      if (options.ends) socket.end(request);
      else socket.write(request);
    });
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    return socket;
  }

  close(): void {
    this.#drop();
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

/** Undefined while it is not whole. Passes over `100 Continue`. */
function parseAnswer(bytes: Buffer, isHead: boolean): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (status === 100) return parseAnswer(bytes.subarray(end + 4), isHead);
  const headers = new Map<string, string>();
  for (const line of lines) headers.set(line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim());
  const rest = bytes.subarray(end + 4);
  const length = isHead || status === 204 || status === 304 ? 0 : Number(headers.get('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) {
    // Without a length the end of the connection would be the end of the answer; this server never does that.
    throw new Error(`expected a length, got ${first}`);
  }
  return rest.length < length ? undefined : { status, headers, body: rest.toString('utf8', 0, length) };
}
