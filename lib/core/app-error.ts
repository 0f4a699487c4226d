import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

export interface AppErrorOptions {
  /** What it was caused by; never dropped on the way up. */
  readonly cause?: unknown;
  /** Seconds after which a retry makes sense: `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Every mistake of what the sender sent, where more than one sentence is needed. */
  readonly mistakes?: readonly Mistake[];
}

/** One thing that is wrong with a request: what was expected, and where. What was got may be personal: it is told to the sender, and is in no log. */
export interface Mistake {
  readonly detail: string;
  /** The place in the body: JSON Pointer (RFC 6901); '' is the body itself. */
  readonly pointer?: string;
  /** The place in the body, in bytes from its beginning. */
  readonly offset?: number;
  /** The header, in lower case. */
  readonly header?: string;
}

/** The one error class with a code. Its message says what was expected and what was got, and holds no secret. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly mistakes: readonly Mistake[];

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.mistakes = options.mistakes ?? [];
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
