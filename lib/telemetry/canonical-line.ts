import type { Logger } from './log.ts';

/** What the one line of a request says. */
export interface RequestLine {
  readonly method: string;
  /** The route's pattern, never the address that was asked for. */
  readonly route: string;
  readonly status: number;
  /** A stable code: why it was refused, or `accepted`. */
  readonly reason: string;
  readonly ms: number;
  readonly bytes?: number;
  /** Events of a batch. */
  readonly count?: number;
  readonly source?: string;
  readonly type?: string;
  readonly eventId?: string;
  readonly duplicate?: boolean;
  readonly traceId?: string;
  /** With a status from 500 on. */
  readonly err?: unknown;
}

/** One line per request, whatever came of it. */
export function logRequest(log: Logger, line: RequestLine): void {
  const fields = { ...line, ms: Math.round(line.ms * 1000) / 1000 };
  if (line.status >= 500) log.error(fields, 'request');
  else if (line.status >= 400) log.warn(fields, 'request');
  else log.info(fields, 'request');
}

/** The trace id of a `traceparent` (W3C Trace Context, level 1); undefined where it is not one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1];
}
