import type { FastifyReply } from 'fastify';
import { AppError, type Mistake } from '../core/app-error.ts';
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Where a problem's `type` leads. */
export const ERRORS_PATH = '/docs/errors.md';

/** Problem details (RFC 9457) with our stable code. */
export interface Problem {
  /** The code's part of the page on errors. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  /** Every mistake with its place (RFC 9457, 3 has such a list as its example). */
  readonly errors?: readonly Mistake[];
}

/** A body of a megabyte has room for more mistakes than anybody reads. */
const MAX_MISTAKES = 100;

/**
 * The answer to an error. What was expected and got is told for mistakes of the sender; of a failed verification and of our
 * own failures only that they happened.
 */
export function problemOf(error: AppError): Problem {
  const { status, title } = ERROR_CODES[error.code];
  // Of a credential that is there nothing is told; that there is none the sender may know.
  const isSendersMistake = status < 500 && (error.code !== 'unauthenticated' || error.mistakes.length > 0);
  return {
    type: `${ERRORS_PATH}#${error.code}`,
    title,
    status,
    code: error.code,
    ...(isSendersMistake && error.message !== title ? { detail: error.message } : {}),
    ...(isSendersMistake && error.mistakes.length > 0 ? { errors: error.mistakes.slice(0, MAX_MISTAKES) } : {}),
  };
}

export function sendProblem(reply: FastifyReply, error: AppError): FastifyReply {
  const problem = problemOf(error);
  if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', String(error.retryAfterSeconds));
  if (problem.status === 401 && !reply.hasHeader('www-authenticate')) void reply.header('www-authenticate', 'Signature');
  // A string: the answer's type has to stay exactly what it says here.
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .serializer((payload: string) => payload)
    .send(JSON.stringify(problem));
}

/** The server's own errors, by its stable codes (fastify.dev, Errors). */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_HANDLER_TIMEOUT: 'not_accepting',
};

/** Gives what a handler or the server threw a code of ours. */
export function toRequestError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error ? FASTIFY_CODES[String(error.code)] : undefined;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  const own = code ?? (status >= 400 && status < 500 ? 'bad_request' : 'internal');
  return new AppError(own, ERROR_CODES[own].title, { cause: error });
}
