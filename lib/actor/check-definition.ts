import { stateProblems } from './actor-state.ts';
import type { ActorDefinition } from './define-actor.ts';

/**
 * What is wrong with an actor's definition, in the author's words. It takes anything: an actor of a user's own may come from plain
 * JavaScript, or from another copy of this package.
 */

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Any word without blanks: a subject shows less of it, the message's header is compared with the whole. */
const EVENT_TYPE = /^\S{1,200}$/;
/** An hour: a broker redelivers what is not acknowledged by then. */
const MAX_TIMEOUT_MS = 3_600_000;

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => string | undefined;

const isOneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value) ? undefined : allowed.map((each) => JSON.stringify(each)).join(' or ');
const isInteger =
  (from: number, to = Infinity): Check =>
  (value) => {
    const fits = Number.isInteger(value) && (value as number) >= from && (value as number) <= to;
    return fits ? undefined : to === Infinity ? `an integer from ${from}` : `an integer from ${from} to ${to}`;
  };
const isFunction =
  (signature: string): Check =>
  (value) =>
    typeof value === 'function' ? undefined : `a function ${signature}`;
const isListOf =
  (what: string, isRight: (value: unknown) => boolean): Check =>
  (value) =>
    Array.isArray(value) && value.length > 0 && new Set(value).size === value.length && value.every(isRight)
      ? undefined
      : `a list of ${what}, each once`;

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

const FIELDS: Readonly<Record<keyof ActorDefinition, Check>> = {
  name: (value) => (typeof value === 'string' && NAME.test(value) ? undefined : `a name like ${NAME}`),
  reads: optional(isListOf('"events" and "commands"', (value) => value === 'events' || value === 'commands')),
  types: optional(isListOf('event types such as "order.paid"', (value) => typeof value === 'string' && EVENT_TYPE.test(value))),
  partitions: optional(isInteger(1, 16)),
  start: optional(isOneOf('end', 'beginning')),
  slots: optional(isInteger(1)),
  input: isFunction('(message) => input, such as jsonInput(schema)'),
  key: optional(isFunction('(input, message) => key')),
  order: optional(isOneOf('key', 'none')),
  retry: (value) => {
    const { attempts, delayMs } = asFields(value) ?? {};
    const fits = isInteger(1)(attempts) === undefined && typeof delayMs === 'function';
    return fits ? undefined : '{ attempts, delayMs }, such as exponential({ attempts: 8, baseMs: 1000, maxMs: 600000 })';
  },
  timeoutMs: (value) =>
    typeof value === 'number' && value > 0 && value < MAX_TIMEOUT_MS ? undefined : 'more than 0 and less than an hour, in milliseconds',
  state: optional((value) => (asFields(value) === undefined ? '{ version, schema, initial, migrate }' : undefined)),
  receive: isFunction('(input, context) => verdict'),
  onDead: optional(isFunction('(message, death) => emits')),
};

/** One sentence for each field that does not fit: what was expected, what was got. Empty where nothing is wrong. */
export function definitionProblems(definition: unknown): string[] {
  const fields = asFields(definition);
  if (fields === undefined) return [`expected an actor, got ${shown(definition)}`];
  const who = typeof fields['name'] === 'string' ? `actor ${JSON.stringify(fields['name'])}` : 'actor';
  const problems = Object.entries(FIELDS).flatMap(([field, judge]) => {
    const expected = judge(fields[field]);
    return expected === undefined ? [] : [`${who}: ${field}: expected ${expected}, got ${shown(fields[field])}`];
  });
  for (const field of Object.keys(fields))
    if (!Object.hasOwn(FIELDS, field)) problems.push(`${who}: expected only ${Object.keys(FIELDS).join(', ')}, got a field ${field}`);
  if (fields['types'] !== undefined && Array.isArray(fields['reads']) && !fields['reads'].includes('events'))
    problems.push(`${who}: types: expected reads to have "events" as well, got ${shown(fields['reads'])}`);
  const state = asFields(fields['state']);
  if (state !== undefined) {
    problems.push(...stateProblems(state, shown).map((problem) => `${who}: ${problem}`));
    if (fields['order'] === 'none') problems.push(`${who}: state: expected order "key", since it belongs to a key, got "none"`);
  }
  return problems;
}

/** Undefined where it is no object. */
export function asFields(value: unknown): Fields | undefined {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A value in an error's text: short, and never a function's source. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  const text = textOf(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/** What is no JSON (a bigint, a circle) by its type. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return `a value of type ${typeof value}`;
  }
}
