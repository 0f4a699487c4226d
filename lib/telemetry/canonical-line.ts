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

/** What the one line of a handled message says. */
export interface MessageLine {
  readonly actor: string;
  readonly messageId: string;
  readonly key: string;
  readonly priority: string;
  readonly stream: string;
  readonly seq: number;
  readonly attempt: number;
  readonly verdict: string;
  readonly ms: number;
  readonly because?: string;
  readonly reason?: string;
  readonly delayMs?: number;
  readonly queueMs?: number;
  readonly run?: string;
  readonly step?: string;
  readonly traceId?: string;
  readonly err?: unknown;
}

/** One line per handled message. */
export function logMessage(log: Logger, line: MessageLine): void {
  const fields = { ...line, ms: Math.round(line.ms * 1000) / 1000 };
  if (line.verdict === 'reject') log.error(fields, 'message');
  else if (line.verdict === 'retry') log.warn(fields, 'message');
  else log.info(fields, 'message');
}

/** The trace id of a `traceparent` (W3C Trace Context, level 1); undefined where it is not one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1];
}
