import type { Msg } from '@nats-io/transport-node';
import type { Message } from '../actor/message.ts';
import { HEADERS } from '../core/headers.ts';
import { isPriority, type Priority } from '../core/priority.ts';
import { readHeaders } from './header-codec.ts';

/** Where and when a message is stored. */
export interface StoredAt {
  readonly stream: string;
  readonly seq: number;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
}

/**
 * Makes a message of what the log holds. Never throws: a message that somebody published by hand, without our headers,
 * has its address as identity and is its own key.
 */
export function toMessage(stored: StoredAt, message: Msg): Message {
  const headers = readHeaders(message);
  const id = headers[HEADERS.id] || `${stored.stream}:${stored.seq}`;
  const round = Number(headers[HEADERS.round] ?? 0);
  return {
    id,
    key: headers[HEADERS.key] || id,
    priority: priorityOf(stored.subject),
    stream: stored.stream,
    seq: stored.seq,
    subject: stored.subject,
    headers,
    body: message.data,
    storedAt: stored.storedAt,
    round: Number.isSafeInteger(round) && round >= 0 ? round : 0,
  };
}

/** A delivery's address, from its reply subject. */
export interface DeliveryAddress {
  readonly stream: string;
  readonly streamSeq: number;
  readonly consumerSeq: number;
  readonly storedAt: number;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>`, and the form with domain and
 * account in front (ADR-15). Undefined where it is neither.
 */
export function readAckSubject(reply: string): DeliveryAddress | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  if (tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 2 : 4;
  const streamSeq = Number(tokens[at + 3]);
  const consumerSeq = Number(tokens[at + 4]);
  if (!(streamSeq > 0 && consumerSeq > 0)) return undefined;
  // Nanoseconds do not fit a double; without the last six digits they are milliseconds.
  return { stream: tokens[at] ?? '', streamSeq, consumerSeq, storedAt: Number((tokens[at + 5] ?? '').slice(0, -6)) };
}

/**
 * Reads the address that a direct get adds as headers. The last value counts: the server adds its own behind whatever
 * a publisher wrote. Undefined where it is no stored message.
 */
export function readDirectHeaders(message: Msg): StoredAt | undefined {
  const { headers } = message;
  if (headers === undefined || headers.code !== 0) return undefined;
  const seq = Number(headers.last('Nats-Sequence'));
  if (!(seq > 0)) return undefined;
  return {
    stream: headers.last('Nats-Stream'),
    seq,
    subject: headers.last('Nats-Subject'),
    storedAt: Date.parse(headers.last('Nats-Time-Stamp')),
  };
}

function priorityOf(subject: string): Priority {
  const from = subject.indexOf('.') + 1;
  const to = from === 0 ? -1 : subject.indexOf('.', from);
  const token = from === 0 ? '' : subject.slice(from, to === -1 ? undefined : to);
  return isPriority(token) ? token : 'default';
}
