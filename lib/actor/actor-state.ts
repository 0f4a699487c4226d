import type { StoredState } from './record-port.ts';
import { type Fitting, fitSchema, type Misfit, type StandardSchema } from './standard-schema.ts';
import { park, reject, type Verdict } from './verdict.ts';

/**
 * What an actor keeps of each key: how it is declared, and the way between what a handler sees and what the record holds.
 *
 * 1. It is JSON, and what is recorded fits the schema as it will be read again.
 * 2. A handler gets a value of its own each time: what it changes in it is nothing until it is given back.
 * 3. A state that cannot be read is left as it is; the message says why and waits, or becomes a dead letter.
 */
export interface StateDefinition<State = unknown> {
  /** Of its form: from 1, one more with each change that the schema would refuse. */
  readonly version: number;
  /** What every state has to fit, when it is read and when it is given back. One that validates at once; what it gives has to fit it again. */
  readonly schema: StandardSchema<State>;
  /** Of a key that has none. JSON. */
  readonly initial: NoInfer<State>;
  /** For each version before this one a function that makes the next version's state of it. (Default: none, for version 1) */
  readonly migrate?: Readonly<Record<number, (old: unknown) => unknown>>;
  /**
   * What a replay does. `update`: what is replayed sees the present state, and what it gives back counts again. `keep`: it sees it, and
   * what it gives back is dropped. (Default: update)
   */
  readonly onReplay?: 'update' | 'keep';
}

/** In bytes of its JSON: a state is read and written with each message of its key. What is larger belongs into a store of its own. */
export const MAX_STATE_BYTES = 65_536;

/** How long a message waits for a process that knows its state's version: as long as a step of a rolling restart. */
const NEWER_AGAIN_MS = 10_000;

/**
 * - `newer`: a later version of the actor wrote it
 * - `migration`: a migration threw
 * - `misfit`: it does not fit the schema
 * - `result`: what the handler gave back cannot be a state
 */
export type StateTrouble = 'newer' | 'migration' | 'misfit' | 'result';

interface Unusable {
  readonly trouble: StateTrouble;
  readonly verdict: Verdict;
}

/** What a handler sees of its key's state. `migratedFrom`: the version that is recorded. @param nowMs milliseconds since the epoch */
export function readState(
  definition: StateDefinition | undefined,
  stored: StoredState | undefined,
  nowMs: number,
): { readonly value: unknown; readonly migratedFrom?: number } | Unusable {
  if (definition === undefined) return { value: undefined };
  if (stored === undefined) return fit(definition, structuredClone(definition.initial));
  const { version, json } = stored;
  if (version > definition.version) {
    const because = `its key's state has version ${version}, and this process knows ${definition.version} at most`;
    return { trouble: 'newer', verdict: park(nowMs + NEWER_AGAIN_MS, because) };
  }
  let value: unknown = JSON.parse(json);
  for (let from = version; from < definition.version; from += 1)
    try {
      value = definition.migrate?.[from]?.(value);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const verdict = reject('invalid', `its key's state could not be migrated from version ${from}: ${text}`, { stateVersion: version });
      return { trouble: 'migration', verdict };
    }
  const fitting = fit(definition, value, version);
  return version < definition.version && 'value' in fitting ? { ...fitting, migratedFrom: version } : fitting;
}

/** What is recorded of the state that a handler gave back; null: nothing is kept. */
export function writeState(
  definition: StateDefinition | undefined,
  given: unknown,
): { readonly write: StoredState | null; readonly bytes: number } | Unusable {
  if (definition === undefined) return misgiven('expected no state of an actor that declares none');
  if (given === null) return { write: null, bytes: 0 };
  let json: string | undefined;
  try {
    json = JSON.stringify(given);
  } catch (error) {
    return misgiven(`expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (json === undefined) return misgiven(`expected JSON, got a ${typeof given}`);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_STATE_BYTES) return misgiven(`expected at most ${MAX_STATE_BYTES} bytes of JSON, got ${bytes}`);
  const misfits = misfitsOf(definition, JSON.parse(json));
  if (misfits !== undefined) return misgiven(placeOf(misfits), misfits);
  return { write: { version: definition.version, json }, bytes };
}

/** What is wrong with a declaration, in the author's words: what was expected, what was got. */
export function stateProblems(fields: Readonly<Record<string, unknown>>, shown: (value: unknown) => string): string[] {
  const { version, schema, initial, migrate = {}, onReplay } = fields;
  const problems: string[] = [];
  const expect = (isRight: boolean, field: string, expected: string): void => {
    if (!isRight) problems.push(`state.${field}: expected ${expected}, got ${shown(fields[field])}`);
  };
  const isVersion = Number.isInteger(version) && (version as number) >= 1;
  expect(isVersion, 'version', 'an integer from 1');
  expect(isStandardSchema(schema), 'schema', 'a Standard Schema, such as z.object({ ... })');
  expect(onReplay === undefined || onReplay === 'update' || onReplay === 'keep', 'onReplay', '"update" or "keep"');
  const earlier = Array.from({ length: isVersion ? Math.min(version as number, MAX_VERSION) - 1 : 0 }, (_, index) => String(index + 1));
  const isEach = migrate !== null && typeof migrate === 'object' && Object.keys(migrate).join() === earlier.join();
  const steps = earlier.length === 0 ? 'no function for version 1' : `a function for each version from 1 to ${earlier.length}`;
  if (isVersion) expect(isEach && Object.values(migrate).every((step) => typeof step === 'function'), 'migrate', steps);
  for (const field of Object.keys(fields))
    if (!FIELDS.includes(field)) problems.push(`state: expected only ${FIELDS.join(', ')}, got a field ${field}`);
  if (problems.length > 0 || !isStandardSchema(schema)) return problems;
  const json = toJson(initial);
  if (json === undefined) return [`state.initial: expected JSON, got ${shown(initial)}`];
  // As it is read again once it was recorded.
  const misfits = misfitsOf({ schema }, JSON.parse(json));
  return misfits === undefined ? [] : [`state.initial: ${placeOf(misfits)}`];
}

/** Undefined where it is none. */
function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

const FIELDS = ['version', 'schema', 'initial', 'migrate', 'onReplay'];

/** More migrations than anybody keeps. */
const MAX_VERSION = 1_000;

function fit(definition: StateDefinition, value: unknown, version = definition.version): { readonly value: unknown } | Unusable {
  const fitting = tryFit(definition, value);
  if ('value' in fitting) return fitting;
  const of = version === definition.version ? `version ${version}` : `version ${version}, migrated to ${definition.version}`;
  const detail = { stateVersion: version, misfits: fitting.misfits };
  return { trouble: 'misfit', verdict: reject('invalid', `its key's state (${of}) does not fit: ${placeOf(fitting.misfits)}`, detail) };
}

/** A schema that throws does not fit either. */
function tryFit({ schema }: Pick<StateDefinition, 'schema'>, value: unknown): Fitting<unknown> {
  try {
    return fitSchema('state.schema', schema, value);
  } catch (error) {
    return { misfits: [{ path: '', expected: error instanceof Error ? error.message : String(error), got: 'a schema that throws' }] };
  }
}

function misfitsOf(definition: Pick<StateDefinition, 'schema'>, value: unknown): readonly Misfit[] | undefined {
  const fitting = tryFit(definition, value);
  return 'misfits' in fitting ? fitting.misfits : undefined;
}

function placeOf([misfit]: readonly Misfit[]): string {
  const { path, expected, got } = misfit ?? { path: '', expected: 'a state that fits', got: 'another' };
  return `${path === '' ? '' : `${path}: `}${expected} (got ${got})`;
}

function misgiven(because: string, misfits?: readonly Misfit[]): Unusable {
  return { trouble: 'result', verdict: reject('invalid', `the state that it gave back: ${because}`, misfits) };
}

function isStandardSchema(schema: unknown): schema is StandardSchema<unknown> {
  // A schema of arktype is a function.
  if (schema === null || (typeof schema !== 'object' && typeof schema !== 'function')) return false;
  const standard = (schema as Partial<StandardSchema<unknown>>)['~standard'];
  return typeof standard?.validate === 'function';
}
