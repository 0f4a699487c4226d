import type { Socket } from 'node:net';
import { AppError } from '../core/app-error.ts';
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** What Node's parser could not make a request of, by its stable codes. */
const PARSER_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'timeout',
};

/**
 * Answers, and ends, a connection on which no request was understood: there is no request and no reply yet. Returns the
 * code for the log; undefined when the client had gone already.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): ErrorCode | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const code = PARSER_CODES[error.code ?? ''] ?? 'bad_request';
  const body = JSON.stringify(problemOf(new AppError(code, ERROR_CODES[code].title)));
  const { status, title } = ERROR_CODES[code];
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
    // A peer that does not read must not keep the socket.
    () => socket.destroySoon(),
  );
  return code;
}
