import { pino } from 'pino';
import { cleanText } from './log-fields.ts';
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
  if (line.status < 400 && line.err === undefined) return writeAccepted(log, line);
  const fields = { ...line, ms: Math.round(line.ms * 1000) / 1000 };
  if (line.status >= 500) log.error(fields, 'request');
  else log.warn(fields, 'request');
}

/** pino's number of `info`. */
const INFO = 30;
const { lsCacheSym, timeSym, chindingsSym, streamSym } = pino.symbols;

interface LineStream {
  write(text: string): void;
  /** pino sets it before each write, for the streams that ask for it. */
  lastLevel: number;
}

/** What pino puts its lines together from. */
function partsOf(log: Logger) {
  const inside = log as unknown as Readonly<Record<symbol, unknown>>;
  const levels = inside[lsCacheSym] as Readonly<Record<number, string>>;
  const time = inside[timeSym] as () => string;
  return { start: `${levels[INFO]}${time()}${inside[chindingsSym] as string}`, stream: inside[streamSym] as LineStream };
}

/**
 * The line that pino would write, put together by hand: nearly all lines of the door are of this kind, and the general way
 * costs six times as much. Of the texts only the type is anybody else's than ours.
 */
function writeAccepted(log: Logger, line: RequestLine): void {
  if (log.levelVal > INFO) return;
  const { bytes, count, source, eventId, type, traceId, duplicate } = line;
  let text = `"method":"${line.method}","route":"${line.route}"`;
  text += `,"status":${line.status},"reason":"${line.reason}","ms":${Math.round(line.ms * 1000) / 1000}`;
  if (source !== undefined) text += `,"source":"${source}"`;
  if (bytes !== undefined) text += `,"bytes":${bytes}`;
  if (count !== undefined) text += `,"count":${count}`;
  if (eventId !== undefined) text += `,"eventId":"${eventId}"`;
  if (type !== undefined) text += `,"type":${JSON.stringify(cleanText(type))}`;
  if (traceId !== undefined) text += `,"traceId":"${traceId}"`;
  if (duplicate !== undefined) text += `,"duplicate":${duplicate}`;
  writeLine(log, `${text},"msg":"request"`);
}

/** What the one line of a message that an actor is done with says. */
export interface DoneLine {
  readonly actor: string;
  readonly messageId: string;
  readonly eventId?: string | undefined;
  readonly run?: string | undefined;
  readonly step?: string | undefined;
  readonly traceId?: string | undefined;
  readonly stream: string;
  readonly seq: number;
  readonly attempt: number;
  /** Milliseconds in the log before its first attempt. */
  readonly queueMs?: number | undefined;
  readonly ms: number;
}

/** The line that pino would write of a message with the verdict `done`, put together by hand: nearly all lines of an actor are of this kind. */
export function logDone(log: Logger, line: DoneLine): void {
  if (log.levelVal > INFO) return;
  const { actor, messageId, eventId, run, step, traceId, stream, seq, attempt, queueMs, ms } = line;
  const id = quoted(messageId);
  let text = `"actor":${quotedName(actor)},"messageId":${id}`;
  if (eventId !== undefined) text += `,"eventId":${eventId === messageId ? id : quoted(eventId)}`;
  if (run !== undefined) text += `,"run":${quoted(run)}`;
  if (step !== undefined) text += `,"step":${quoted(step)}`;
  if (traceId !== undefined) text += `,"traceId":${quoted(traceId)}`;
  text += `,"stream":${quotedName(stream)},"seq":${seq},"attempt":${attempt},"verdict":"done"`;
  if (queueMs !== undefined) text += `,"queueMs":${queueMs}`;
  writeLine(log, `${text},"ms":${ms},"msg":"message"`);
}

function writeLine(log: Logger, fields: string): void {
  const { start, stream } = partsOf(log);
  stream.lastLevel = INFO;
  stream.write(`${start},${fields}}\n`);
}

/** Needs no escape; what may be a credential in it, `cleanText` says. */
const PLAIN = /^[A-Za-z0-9_./:#@-]{1,200}$/;

function quoted(text: string): string {
  const clean = cleanText(text);
  return PLAIN.test(clean) ? `"${clean}"` : JSON.stringify(clean);
}

/** Actors and streams: an installation has some dozens, and each has many lines. */
const NAMES = new Map<string, string>();
const MAX_NAMES = 1_000;

function quotedName(name: string): string {
  let text = NAMES.get(name);
  if (text === undefined) {
    text = quoted(name);
    if (NAMES.size < MAX_NAMES) NAMES.set(name, text);
  }
  return text;
}

/** The trace id of a `traceparent` (W3C Trace Context, level 1); undefined where it is not one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1];
}
