import { z } from 'zod';

import type { Mistake } from './mistake.ts';
import { mistake } from './mistake.ts';
import { schemaMistakes } from './schema-mistake.ts';
import { STEP_TYPES } from './step-type.ts';

/** More steps than that want to be two workflows. */
const MAX_STEPS = 50;

/** An event's type as its provider says it. */
const EventType = z.string().regex(/^\S{1,200}$/, 'an event type without spaces, for example "release.published"');

const Trigger = z.strictObject({
  /** The types of event that open a run, compared as they are. */
  event: z.union([EventType, z.array(EventType).min(1).max(20)]),
  /** Only events of this configured source. (Default: any) */
  source: z
    .string()
    .regex(/^[a-z0-9_-]{1,64}$/, 'the name of a source: a-z, 0-9, _ and -')
    .optional(),
  /** CEL: only where this holds. */
  if: z.string().optional(),
});

const Step = z.strictObject({
  /** Names the step in `steps.<id>.output`, in traces and in the identity of its command. */
  id: z.string().regex(/^[a-zA-Z0-9_-]{1,50}$/, '1 to 50 of a-z, A-Z, 0-9, _ and -'),
  uses: z.enum(Object.keys(STEP_TYPES)),
  with: z.record(z.string(), z.unknown()),
  /** CEL: the step is skipped where this does not hold. */
  if: z.string().optional(),
  /** When nobody knows whether it happened: `hold` waits for a person, `repeat` does it once more. (Default: by what it uses) */
  'on-unknown': z.enum(['hold', 'repeat']).optional(),
});

const Definition = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, '1 to 63 of a-z, 0-9 and -, a letter first'),
  description: z.string().max(500).optional(),
  on: Trigger,
  /** In this order, each after the one before it has ended. */
  steps: z.array(Step).min(1).max(MAX_STEPS),
});

/** A workflow document whose form is right. */
export type WorkflowDefinition = z.infer<typeof Definition>;
export type StepDefinition = z.infer<typeof Step>;

export type Checked<Value> =
  | { readonly kind: 'right'; readonly value: Value }
  | { readonly kind: 'wrong'; readonly mistakes: readonly Mistake[] };

/** Checks the form of a document. Its templates and conditions are checked by `compileWorkflow`. */
export function checkDefinition(document: unknown): Checked<WorkflowDefinition> {
  const parsed = Definition.safeParse(document);
  const form = parsed.success ? [] : schemaMistakes(parsed.error, document, fieldsAt);
  const steps = readableSteps(document);
  const mistakes = [...form, ...repeatedIds(steps), ...steps.flatMap(withMistakes)];
  return parsed.success && mistakes.length === 0 ? { kind: 'right', value: parsed.data } : { kind: 'wrong', mistakes };
}

function repeatedIds(steps: readonly ReadableStep[]): Mistake[] {
  return steps.flatMap(({ index, fields: { id } }) => {
    if (typeof id !== 'string') return [];
    const first = steps.find((other) => other.fields['id'] === id)?.index ?? index;
    return first < index ? [mistake(`steps[${index}].id`, `expected an id of its own, got "${id}", which steps[${first}] has`)] : [];
  });
}

/** A step of a document whose form may be wrong elsewhere. */
export interface ReadableStep {
  readonly index: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The steps that are objects, in a document whose form may be wrong. */
export function readableSteps(document: unknown): ReadableStep[] {
  const steps = isObject(document) ? document['steps'] : undefined;
  if (!Array.isArray(steps)) return [];
  // What is over the limit is named once, and not looked into.
  return steps.slice(0, MAX_STEPS).flatMap((fields: unknown, index) => (isObject(fields) ? [{ index, fields }] : []));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where `uses` or `with` itself is wrong there is nothing to compare with. */
function withMistakes({ index, fields }: ReadableStep): Mistake[] {
  const read = Step.pick({ uses: true, with: true }).safeParse({ uses: fields['uses'], with: fields['with'] });
  if (!read.success) return [];
  const step = read.data;
  const form = STEP_TYPES[step.uses]!.with;
  const parsed = form.safeParse(step.with);
  if (parsed.success) return [];
  return schemaMistakes(parsed.error, step.with, (path) => (path.length === 0 ? Object.keys(form.shape) : []), ['steps', index, 'with']);
}

function fieldsAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(Definition.shape);
  if (path[0] === 'on') return Object.keys(Trigger.shape);
  return path[0] === 'steps' && path.length === 2 ? Object.keys(Step.shape) : [];
}
