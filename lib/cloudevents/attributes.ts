import { isPriority } from '../core/priority.ts';
import { parseContentType } from '../core/content-type.ts';
import { toldText } from './told.ts';

/** What an attribute may be: undefined where its text fits, else what was expected. */
type Rule = (text: string) => string | undefined;

/** Long enough for an address of anything; each is a header of a stored message. Characters. */
const MAX_LONG = 1_024;
/** A label, and what the log files it under. Characters. */
const MAX_SHORT = 256;
/** Each is a header of a stored message; far more than any SDK sends. */
export const MAX_ATTRIBUTES = 40;

/** Lower case, letters and digits (spec 3.1); the length is only recommended there. */
export const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/;

/** Control characters, lone surrogates and what Unicode keeps for nobody (spec, type system: String). */
const DISALLOWED = /[\p{Cc}\p{Cs}\p{NChar}]/u;

/** The characters of RFC 3986, 2, and nothing of its grammar that no reader of ours would use. */
const URI_REFERENCE = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const RULES: Readonly<Record<string, Rule>> = {
  specversion: (text) => fits(text, text === '1.0', '"1.0"'),
  id: (text) => filled(text, MAX_SHORT),
  type: (text) => filled(text, MAX_SHORT),
  source: (text) => filled(text, MAX_LONG) ?? fits(text, URI_REFERENCE.test(text), 'a URI reference (RFC 3986)'),
  subject: (text) => filled(text, MAX_SHORT),
  time: (text) => fits(text, isDateTime(text), 'a time like 2026-01-31T12:00:00Z (RFC 3339)'),
  dataschema: (text) =>
    filled(text, MAX_LONG) ?? fits(text, SCHEME.test(text) && URI_REFERENCE.test(text), 'a URI with its scheme (RFC 3986)'),
  datacontenttype: (text) => fits(text, parseContentType(text) !== undefined, 'a media type (RFC 9110)'),
  // Extensions that are read here. CloudEvents' own, partitioning: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/partitioning.md
  partitionkey: (text) => filled(text, MAX_SHORT),
  priority: (text) => fits(text, isPriority(text), 'critical, default or bulk'),
};

/** Attributes that a sender has to give (spec 3.1). */
export const REQUIRED_ATTRIBUTES = ['id', 'source', 'specversion', 'type'] as const;

/** Attributes whose value is a text; those of others are what their extension says. */
export function isTextAttribute(name: string): boolean {
  return Object.hasOwn(RULES, name);
}

/** What is wrong with an attribute's canonical text; undefined where it fits. */
export function checkAttribute(name: string, text: string): string | undefined {
  if (DISALLOWED.test(text)) return 'expected no control characters, no lone surrogates and no noncharacters';
  return Object.hasOwn(RULES, name) ? RULES[name]?.(text) : atMost(text, MAX_LONG);
}

function fits(text: string, isRight: boolean, expected: string): string | undefined {
  return isRight ? undefined : `expected ${expected}, got ${toldText(text)}`;
}

function filled(text: string, max: number): string | undefined {
  return text === '' ? `expected 1 to ${max} characters, got none` : atMost(text, max);
}

function atMost(text: string, max: number): string | undefined {
  return text.length > max ? `expected at most ${max} characters, got ${text.length}` : undefined;
}

/** RFC 3339, but for leap seconds, which no clock of ours can say; and a day that its month has. */
function isDateTime(text: string): boolean {
  const [, year, month, day] = DATE_TIME.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}
