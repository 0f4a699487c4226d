/**
 * Every error that leaves a program as an answer, a log line or an exit has one code from this table. `status` is the HTTP
 * status where it becomes an answer, `retryable` says whether the same request may succeed later, `title` is the fixed
 * sentence of its problem details (RFC 9457). A code is never renamed: clients and alerts look at it.
 */
export const ERROR_CODES = {
  bad_request: { status: 400, retryable: false, title: 'The request is not well formed' },
  invalid_json: { status: 400, retryable: false, title: 'The body is not JSON' },
  too_deep: { status: 400, retryable: false, title: 'The body is nested too deeply' },
  invalid_header: { status: 400, retryable: false, title: 'A header has a value that is not allowed' },
  unauthenticated: { status: 401, retryable: false, title: 'The request could not be verified' },
  not_found: { status: 404, retryable: false, title: 'There is nothing at this address' },
  method_not_allowed: { status: 405, retryable: false, title: 'This address does not answer this method' },
  timeout: { status: 408, retryable: true, title: 'The request took too long to arrive' },
  too_large: { status: 413, retryable: false, title: 'The body is too large' },
  unsupported_media_type: { status: 415, retryable: false, title: 'The body has a content type that is not accepted' },
  headers_too_large: { status: 431, retryable: false, title: 'The headers are too large' },
  internal: { status: 500, retryable: true, title: 'Something went wrong here' },
  not_accepting: { status: 503, retryable: true, title: 'Nothing durable can be reached' },
  invalid_config: { status: 500, retryable: false, title: 'The configuration does not fit' },
  unsafe_broker: { status: 500, retryable: false, title: 'The broker is not safe to run on' },
  broker_unavailable: { status: 503, retryable: true, title: 'The broker cannot be reached' },
  broker_refused: { status: 500, retryable: false, title: 'The broker refused for good' },
  overloaded: { status: 503, retryable: true, title: 'Too much is waiting already' },
  stream_change_refused: { status: 409, retryable: false, title: 'The change would destroy stored messages' },
  out_of_bounds: { status: 400, retryable: false, title: 'The log does not reach that far' },
  database_unavailable: { status: 503, retryable: true, title: 'The database cannot be reached' },
  start_failed: { status: 500, retryable: true, title: 'The program could not start' },
  stop_failed: { status: 500, retryable: true, title: 'The program could not stop in time' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface AppErrorOptions {
  /** What it was caused by; never dropped on the way up. */
  readonly cause?: unknown;
  /** Seconds after which a retry makes sense: `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** The one error class with a code. Its message says what was expected and what was got, and holds no secret. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  get title(): string {
    return ERROR_CODES[this.code].title;
  }
}

/** Gives an error of any kind a code; an `AppError` is handed back as it is. */
export function toAppError(error: unknown, code: ErrorCode = 'internal'): AppError {
  return error instanceof AppError ? error : new AppError(code, ERROR_CODES[code].title, { cause: error });
}
