import { once } from 'node:events';
import { connect } from 'node:net';
import { AppError } from '../../lib/core/app-error.ts';

/** A request before it is bytes: a door's good one, changed by a bad input. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** What a door makes of a request; `code` is its problem's, undefined where it sent none. */
export interface Answer {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly code?: string | undefined;
  /** The places of the mistakes in the body, as JSON Pointers. */
  readonly pointers?: readonly string[];
}

/** Long enough for a busy machine, and for the door's own limits to act. */
const DEADLINE_MS = 20_000;

export function writeRequest({ method, target, headers, body }: RawRequest): Buffer {
  const head = `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  // Latin 1: a byte of a header is a byte of the wire.
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** Writes bytes to a connection of their own, and reads until the door closes it. Interim answers are passed over. */
export async function sendRaw(port: number, bytes: Uint8Array): Promise<{ answer: Answer; all: string }> {
  const socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A door that answers early closes while we are still writing.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) });
  socket.write(bytes);
  try {
    await closed;
  } catch (error) {
    throw new AppError('timeout', 'expected the door to close the connection', { cause: error });
  } finally {
    socket.destroy();
  }
  const all = Buffer.concat(chunks).toString('latin1');
  return { answer: readAnswer(all), all };
}

function readAnswer(all: string): Answer {
  const final = all.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n([^\r]+\r\n)*\r\n)+/, '');
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(final) ?? [];
  const body = final.slice(final.indexOf('\r\n\r\n') + 4);
  const problem = /^\{"type":.*\}/.exec(body)?.[0];
  if (problem === undefined) return { status: Number(status ?? 0) };
  const { code, errors = [] } = JSON.parse(problem) as { code: string; errors?: { pointer?: string }[] };
  const pointers = errors.flatMap(({ pointer }) => (pointer === undefined ? [] : [pointer]));
  return { status: Number(status ?? 0), code, ...(pointers.length > 0 ? { pointers } : {}) };
}

/** As the rows of the corpus write it: `<status> <code> <pointer>...`. */
export function describeAnswer({ status, code, pointers = [] }: Answer): string {
  return [status, code, ...pointers].filter((part) => part !== undefined).join(' ');
}
