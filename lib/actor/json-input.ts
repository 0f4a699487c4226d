import { InvalidInput } from './define-actor.ts';
import type { Message } from './message.ts';

/**
 * The part of Standard Schema version 1 (https://standardschema.dev) that is used here: zod, valibot, arktype and others
 * implement it, so an actor may bring its own.
 */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  };
}

type StandardResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** One place of a body that does not fit; the `detail` of `InvalidInput` is a list of them. */
export interface Misfit {
  /** `blocks.0.type`; '' is the body itself. */
  readonly path: string;
  /** In the schema's words. */
  readonly expected: string;
  /** The kind of value that is there, never the value: it may be personal. */
  readonly got: string;
}

/**
 * Makes the input of an actor out of its messages' bodies: UTF-8, JSON, and what the schema makes of it.
 *
 * The function that it gives back throws `InvalidInput` with every place that does not fit, and a `TypeError` where the
 * schema is asynchronous: a message's input decides its mailbox, so it cannot be waited for.
 */
export function jsonInput<Output>(schema: StandardSchema<Output>): (message: Message) => Output {
  return ({ body }) => {
    const value = parseJson(body);
    const result = schema['~standard'].validate(value);
    if (result instanceof Promise) {
      // Its end is of no interest, and must not become an unhandled rejection.
      result.catch(() => undefined);
      throw new TypeError(
        `jsonInput: expected a schema that validates at once, got one of ${schema['~standard'].vendor} that is asynchronous`,
      );
    }
    if (result.issues === undefined) return result.value;
    const misfits = result.issues.map((issue) => misfitOf(issue, value));
    const [{ path, expected } = { path: '', expected: 'a body that fits' }] = misfits;
    throw new InvalidInput(`${path === '' ? 'body' : path}: ${expected}`, misfits);
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const got = error instanceof SyntaxError ? 'other text' : 'bytes that are not UTF-8';
    throw new InvalidInput(`body: expected JSON, got ${got}`, [{ path: '', expected: 'JSON', got }] satisfies Misfit[]);
  }
}

function misfitOf({ path = [], message }: StandardIssue, body: unknown): Misfit {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return { path: keys.map(String).join('.'), expected: message, got: kindOf(valueAt(body, keys)) };
}

function valueAt(body: unknown, keys: readonly PropertyKey[]): unknown {
  let value = body;
  for (const key of keys) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
