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

/** One place of a value that does not fit; the `detail` of `InvalidInput` is a list of them. */
export interface Misfit {
  /** `blocks.0.type`; '' is the value itself. */
  readonly path: string;
  /** In the schema's words. */
  readonly expected: string;
  /** The kind of value that is there, never the value: it may be personal. */
  readonly got: string;
}

export type Fitting<Output> = { readonly value: Output } | { readonly misfits: readonly Misfit[] };

/**
 * What a schema makes of a value, or every place that does not fit. Throws a `TypeError` that begins with `who` where the schema is
 * asynchronous: nothing that is asked here can be waited for.
 */
export function fitSchema<Output>(who: string, schema: StandardSchema<Output>, value: unknown): Fitting<Output> {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    // Its end is of no interest, and must not become an unhandled rejection.
    result.catch(() => undefined);
    throw new TypeError(`${who}: expected a schema that validates at once, got one of ${schema['~standard'].vendor} that is asynchronous`);
  }
  return result.issues === undefined ? { value: result.value } : { misfits: result.issues.map((issue) => misfitOf(issue, value)) };
}

function misfitOf({ path = [], message }: StandardIssue, whole: unknown): Misfit {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return { path: keys.map(String).join('.'), expected: message, got: kindOf(valueAt(whole, keys)) };
}

function valueAt(whole: unknown, keys: readonly PropertyKey[]): unknown {
  let value = whole;
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
