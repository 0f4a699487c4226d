import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { Secret } from '../core/secret.ts';

/**
 * Configuration comes from the environment and from nowhere else. A program declares its variables as data, once; from
 * that come the parsing, the error report, and the documentation.
 */
export interface Variable<Value = unknown> {
  /** The name in the environment: UPPER_SNAKE, with its unit. */
  readonly env: string;
  /** One sentence for the documentation. */
  readonly description: string;
  /** Parses the text. */
  readonly schema: z.ZodType<Value>;
  /** What holds when the variable is not set, as text. Missing: the variable is required, unless it is `optional`. */
  readonly default?: string;
  readonly optional?: boolean;
  /** Never shown, and may come from the file that `<env>_FILE` names. */
  readonly secret?: boolean;
}

export type Variables = Readonly<Record<string, Variable>>;

export type ConfigOf<V extends Variables> = { readonly [Name in keyof V]: V[Name] extends Variable<infer Value> ? Value : never };

interface Description {
  readonly description: string;
  readonly default?: string;
}

export function variable<Value>(env: string, schema: z.ZodType<Value>, options: Description): Variable<Value> {
  return { env, schema, ...options };
}

export function optional<Value>(env: string, schema: z.ZodType<Value>, options: { description: string }): Variable<Value | undefined> {
  return { env, schema, optional: true, ...options };
}

/** A secret text; `<env>_FILE` may name a file that holds it (a trailing line break is cut off). */
export function secret(env: string, options: Description): Variable<Secret> {
  return { env, schema: secretText, secret: true, ...options };
}

export function optionalSecret(env: string, options: { description: string }): Variable<Secret | undefined> {
  return { env, schema: secretText, secret: true, optional: true, ...options };
}

/** A secret that has a form. `check` throws a TypeError whose message says what was expected, and not what was got. */
export function secretOf(env: string, check: (text: string) => unknown, options: Description): Variable<Secret> {
  return { env, schema: formOf(check), secret: true, ...options };
}

export function optionalSecretOf(env: string, check: (text: string) => unknown, options: Description): Variable<Secret | undefined> {
  return { ...secretOf(env, check, options), optional: true };
}

function formOf(check: (text: string) => unknown): z.ZodType<Secret> {
  return z
    .string()
    .superRefine((value, context) => {
      try {
        check(value);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'expected another form' });
      }
    })
    .transform((value) => new Secret(value));
}

const secretText = z
  .string()
  .min(1, 'expected a value that is not empty')
  .transform((text) => new Secret(text));

/** Milliseconds, bytes, counts: a plain decimal integer in a range. */
export function integer(range: { min: number; max: number }): z.ZodType<number> {
  const expected = `expected an integer from ${range.min} to ${range.max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, expected);
}

/** A TCP port; 0 lets the system choose one. */
export const port = integer({ min: 0, max: 65_535 });

export const flag: z.ZodType<boolean> = z
  .enum(['true', 'false', '1', '0'], 'expected true or false')
  .transform((text) => text === 'true' || text === '1');

export const text: z.ZodType<string> = z.string().min(1).max(4096);

/** What has to hold between values that are right each for itself; it is also a line of the documentation. */
export interface Relation<Config> {
  /** The names in the environment that it is about; the first is the one that a problem names. */
  readonly of: readonly [string, ...string[]];
  /** What is expected of the first, as "expected ..." is read on. */
  readonly expected: string;
  readonly holds: (config: Config) => boolean;
}

export interface ParseOptions<Config> {
  readonly relations?: readonly Relation<Config>[];
}

/**
 * Parses all of it and freezes it. Throws one `AppError` `invalid_config` whose message lists every problem: the name,
 * what was expected, what was got; of a secret never what was got.
 */
export function parseConfig<V extends Variables>(
  variables: V,
  environment: Readonly<Record<string, string | undefined>>,
  options: ParseOptions<ConfigOf<V>> = {},
): ConfigOf<V> {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(variables)) {
    try {
      config[name] = parseVariable(declared, environment);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === 0) problems.push(...brokenRelations(config as ConfigOf<V>, options.relations ?? [], environment, variables));
  if (problems.length > 0) {
    throw new AppError('invalid_config', [`${problems.length} problem(s) in the configuration:`, ...problems].join('\n  - '));
  }
  return Object.freeze(config) as ConfigOf<V>;
}

function brokenRelations<Config>(
  config: Config,
  relations: readonly Relation<Config>[],
  environment: Readonly<Record<string, string | undefined>>,
  variables: Variables,
): string[] {
  const secrets = Object.values(variables).flatMap(({ env, secret: isSecret }) => (isSecret === true ? [env] : []));
  const shown = (name: string): string =>
    secrets.includes(name) ? 'a secret that does not fit' : JSON.stringify(environment[name] ?? 'its default');
  return relations
    .filter(({ holds }) => !holds(config))
    .map(({ of: [name], expected }) => `${name}: expected ${expected}, got ${shown(name)}`);
}

class Problem extends Error {}

function parseVariable(declared: Variable, environment: Readonly<Record<string, string | undefined>>): unknown {
  const given = declared.secret === true ? readSecretText(declared.env, environment) : environment[declared.env];
  // `NAME=` in an environment file means "not set"; an empty secret is a mistake and stays one.
  const value = given === undefined || (given === '' && declared.secret !== true) ? declared.default : given;
  if (value === undefined) {
    if (declared.optional === true) return undefined;
    throw new Problem(`${declared.env}: expected a value (${declared.description}), got nothing`);
  }
  const result = declared.schema.safeParse(value);
  if (result.success) return result.data;
  const expected = result.error.issues.map((issue) => issue.message).join('; ');
  throw new Problem(`${declared.env}: ${expected}, got ${declared.secret === true ? 'a secret that does not fit' : JSON.stringify(value)}`);
}

function readSecretText(env: string, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = environment[`${env}_FILE`];
  if (file === undefined || file === '') return environment[env];
  if (environment[env] !== undefined) throw new Problem(`${env}: expected it or ${env}_FILE, got both`);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Problem(`${env}_FILE: expected a file that can be read, got ${JSON.stringify(file)} (${code})`, { cause: error });
  }
}

/** The flags of the command line that stand for a variable: `--allow-unsafe-broker` is `ALLOW_UNSAFE_BROKER=true`. */
export function withFlags(
  environment: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
  flags: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const set = Object.entries(flags).filter(([name]) => argv.includes(name));
  return { ...environment, ...Object.fromEntries(set.map(([, env]) => [env, 'true'])) };
}
