import { isPriority, type Priority } from '../lib/core/priority.ts';
import { SLOTS } from '../lib/core/slot.ts';

/**
 * Every subject of the log is built and parsed here, and nowhere else.
 *
 *     events.<priority>.<slot>.<source>.<type tokens>   EVENTS
 *     commands.<priority>.<slot>.<actor>                COMMANDS (results: actor `workflow`)
 *     dead.<actor>.<reason>                             DEAD_LETTERS
 *     advisory.<kind>.<actor>                           ADVISORIES
 *     rejected.<source>.<reason>                        REJECTED
 *
 * The key never becomes a token: it is a header, and only its slot is in the subject.
 */
export const STREAMS = {
  events: 'EVENTS',
  commands: 'COMMANDS',
  deadLetters: 'DEAD_LETTERS',
  advisories: 'ADVISORIES',
  rejected: 'REJECTED',
} as const;

/** No stream: a request to one of the ingest processes, which answers (see readmission.ts). */
export const READMIT_SUBJECT = 'visapi.ingest.readmit';

export type StreamName = (typeof STREAMS)[keyof typeof STREAMS];

export type ParsedSubject =
  | { readonly kind: 'event'; readonly priority: Priority; readonly slot: number; readonly source: string; readonly type: string }
  | { readonly kind: 'command'; readonly priority: Priority; readonly slot: number; readonly actor: string }
  | { readonly kind: 'dead'; readonly actor: string; readonly reason: string }
  | { readonly kind: 'advisory'; readonly advisory: string; readonly actor: string }
  | { readonly kind: 'rejected'; readonly source: string; readonly reason: string };

/** A name that is one token of a subject: an actor, a source, a reason, a kind. */
const TOKEN = /^[a-z0-9_-]{1,64}$/;
/** Tokens of a type that the subject shows; the header `ce-type` has the whole. */
const MAX_TYPE_TOKENS = 6;
/** Characters of a type that the subject shows, dots included: with the rest it stays far below the broker's limit. */
const MAX_TYPE_LENGTH = 96;

/** @throws TypeError where the slot or the source does not fit; a type always fits (see `typeTokens`) */
export function eventSubject(event: { priority: Priority; slot: number; source: string; type: string }): string {
  return `events.${event.priority}.${checkedSlot(event.slot)}.${checkedToken('source', event.source)}.${typeTokens(event.type)}`;
}

/** @throws TypeError where the slot or the actor's name does not fit */
export function commandSubject(command: { priority: Priority; slot: number; actor: string }): string {
  return `commands.${command.priority}.${checkedSlot(command.slot)}.${checkedToken('actor', command.actor)}`;
}

/** @throws TypeError where a name does not fit */
export function deadSubject(actor: string, reason: string): string {
  return `dead.${checkedToken('actor', actor)}.${checkedToken('reason', reason)}`;
}

/** @throws TypeError where a name does not fit */
export function advisorySubject(kind: string, actor: string): string {
  return `advisory.${checkedToken('kind', kind)}.${checkedToken('actor', actor)}`;
}

/** @throws TypeError where a name does not fit */
export function rejectedSubject(source: string, reason: string): string {
  return `rejected.${checkedToken('source', source)}.${checkedToken('reason', reason)}`;
}

/** The filter of the rejected requests of one source, one reason, or both. @throws TypeError where a name does not fit */
export function rejectedFilter({ source, reason }: { source?: string | undefined; reason?: string | undefined }): string {
  const token = (what: string, name: string | undefined): string => (name === undefined ? '*' : checkedToken(what, name));
  return `rejected.${token('source', source)}.${token('reason', reason)}`;
}

/** The filter of one slot's events: all of them, or those of one type, of whatever source. */
export function eventFilter(priority: Priority, slot: number, type?: string): string {
  return `events.${priority}.${checkedSlot(slot)}.${type === undefined ? '>' : `*.${typeTokens(type)}`}`;
}

/** The filter of one slot's events of one type, whatever their source. */
export function eventTypeFilter(priority: Priority, slot: number, type: string): string {
  return `events.${priority}.${checkedSlot(slot)}.*.${typeTokens(type)}`;
}

/** The filter of everything in a stream that an actor reads there: all events, or its own commands; of one slot, or of all. */
export function readFilter(reads: 'events' | 'commands', actor: string, slot?: number): string {
  const at = slot === undefined ? '*' : String(checkedSlot(slot));
  return reads === 'events' ? `events.*.${at}.>` : `commands.*.${at}.${checkedToken('actor', actor)}`;
}

/**
 * An event's type as tokens of a subject: lower case, `[a-z0-9_-]`, everything else `_`, at most 6 tokens and 96
 * characters. A client decides what a type is called, so nothing is refused here. Applied twice it changes nothing.
 */
export function typeTokens(type: string): string {
  return type
    .toLowerCase()
    .split('.', MAX_TYPE_TOKENS)
    .map((token) => token.replace(/[^a-z0-9_-]/gu, '_') || '_')
    .join('.')
    .slice(0, MAX_TYPE_LENGTH)
    .replace(/\.$/, '');
}

/** Undefined where the subject is none of ours. */
/** Who has sent an event; empty for what is no event. For what is asked of each message: it parses no more than that. */
export function sourceOfMessage({ subject }: { readonly subject: string }): string {
  return subject.startsWith('events.') ? (subject.split('.', 4)[3] ?? '') : '';
}

export function parseSubject(subject: string): ParsedSubject | undefined {
  const [root, ...rest] = subject.split('.');
  const [first = '', second = '', third = '', ...more] = rest;
  if (rest.some((token) => token === '')) return undefined;
  switch (root) {
    case 'events': {
      const slot = parseSlot(second);
      if (!isPriority(first) || slot === undefined || more.length === 0) return undefined;
      return { kind: 'event', priority: first, slot, source: third, type: more.join('.') };
    }
    case 'commands': {
      const slot = parseSlot(second);
      if (!isPriority(first) || slot === undefined || rest.length !== 3) return undefined;
      return { kind: 'command', priority: first, slot, actor: third };
    }
    case 'dead':
      return rest.length === 2 ? { kind: 'dead', actor: first, reason: second } : undefined;
    case 'advisory':
      return rest.length === 2 ? { kind: 'advisory', advisory: first, actor: second } : undefined;
    case 'rejected':
      return rest.length === 2 ? { kind: 'rejected', source: first, reason: second } : undefined;
    default:
      return undefined;
  }
}

function checkedSlot(slot: number): number {
  if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS) throw new TypeError(`slot: expected 0 to ${SLOTS - 1}, got ${slot}`);
  return slot;
}

function checkedToken(what: string, token: string): string {
  if (!TOKEN.test(token)) throw new TypeError(`${what}: expected ${TOKEN}, got ${JSON.stringify(token)}`);
  return token;
}

function parseSlot(token: string): number | undefined {
  const slot = Number(token);
  return /^\d{1,2}$/.test(token) && slot < SLOTS ? slot : undefined;
}
