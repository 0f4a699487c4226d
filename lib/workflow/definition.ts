import { z } from 'zod';

import type { Mistake } from './mistake.ts';
import { mistake, pathText } from './mistake.ts';
import { schemaMistakes } from './schema-mistake.ts';
import { ANY_STEP, MAX_STEPS, stepFields, stepForm, WHOLE_STEP } from './step-form.ts';
import type { StepDefinition } from './step-form.ts';
import type { Arm, WalkedStep } from './walk-steps.ts';
import { MAX_DEPTH, walkSteps } from './walk-steps.ts';

/** An event's type as its provider says it. */
const EventType = z.string().regex(/^\S{1,200}$/, 'an event type without spaces, for example "release.published"');

const Trigger = z.strictObject({
  event: z
    .union([EventType, z.array(EventType).min(1).max(20)])
    .describe('The type of event that opens a run, or a list of types. Compared as it is.'),
  source: z
    .string()
    .regex(/^[a-z0-9_-]{1,64}$/, 'the name of a source: a-z, 0-9, _ and -')
    .optional()
    .describe('Only events of this configured source. (Default: any)'),
  if: z.string().optional().describe('CEL: only where this holds.'),
});

const FIELDS = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, '1 to 63 of a-z, 0-9 and -, a letter first'),
  description: z.string().max(500).optional(),
  on: Trigger,
};

const steps = <Step extends z.ZodType>(step: Step): z.ZodArray<Step> =>
  z.array(step).min(1).max(MAX_STEPS).describe('In this order, each after the one before it has ended.');

/** The form of a document but for what is inside its steps. */
const Outline = z.strictObject({ ...FIELDS, steps: steps(ANY_STEP) });

/** The whole form. */
export const Definition = z.strictObject({ ...FIELDS, steps: steps(WHOLE_STEP) });

/** A workflow document whose form is right. */
export type WorkflowDefinition = z.infer<typeof Definition>;

export type Checked<Value> =
  | { readonly kind: 'right'; readonly value: Value }
  | { readonly kind: 'wrong'; readonly mistakes: readonly Mistake[] };

/** Checks the form of a document. Its templates and conditions are checked by `compileWorkflow`. */
export function checkDefinition(document: unknown): Checked<WorkflowDefinition> {
  const outline = Outline.safeParse(document);
  const form = outline.success ? [] : schemaMistakes(outline.error, document, outlineFields);
  const walked = walkDocument(document);
  const mistakes = [...form, ...tooMuch(walked), ...repeatedIds(walked), ...walked.flatMap(stepMistakes)];
  if (mistakes.length > 0) return { kind: 'wrong', mistakes };
  return { kind: 'right', value: Definition.parse(document) };
}

/** The steps of a right document, those of branches included. */
export function walkDefinition(definition: WorkflowDefinition): WalkedStep<StepDefinition>[] {
  return walkSteps(
    [...definition.steps.entries()],
    ({ id }) => id,
    ({ branches = [], else: otherwise }) => [
      ...branches.map((arm, index) => ({ name: String(index), place: ['branches', index, 'steps'], steps: [...arm.steps.entries()] })),
      ...(otherwise === undefined ? [] : [{ name: 'else', place: ['else'], steps: [...otherwise.entries()] }]),
    ],
  );
}

export type Readable = Readonly<Record<string, unknown>>;

/** The steps that are objects, in a document whose form may be wrong. */
export function walkDocument(document: unknown): WalkedStep<Readable>[] {
  const list = isObject(document) ? document['steps'] : undefined;
  return walkSteps(readable(list), ({ id }) => String(id), readableArms);
}

function readableArms({ uses, branches, else: otherwise }: Readable): Arm<Readable>[] {
  if (uses !== 'branch') return [];
  const arms = readable(branches).map(([index, arm]) => ({
    name: String(index),
    place: ['branches', index, 'steps'],
    steps: readable(arm['steps']),
  }));
  return [...arms, { name: 'else', place: ['else'], steps: readable(otherwise) }];
}

/** What is over the limit is named once, and not looked into. */
function readable(list: unknown): (readonly [number, Readable])[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_STEPS).flatMap((item: unknown, index) => (isObject(item) ? [[index, item] as const] : []));
}

export function isObject(value: unknown): value is Readable {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tooMuch(walked: readonly WalkedStep<Readable>[]): Mistake[] {
  const deep = walked.filter(({ depth, fields }) => depth === MAX_DEPTH && fields['uses'] === 'branch');
  const mistakes = deep.map(({ at }) => mistake(`${at}.uses`, `expected at most ${MAX_DEPTH} branches inside each other, got one more`));
  const count = walked.length;
  if (count > MAX_STEPS) mistakes.push(mistake('steps', `expected at most ${MAX_STEPS} steps, those of branches included, got ${count}`));
  return mistakes;
}

function repeatedIds(walked: readonly WalkedStep<Readable>[]): Mistake[] {
  const first = new Map<string, string>();
  return walked.flatMap(({ fields: { id }, at }) => {
    if (typeof id !== 'string') return [];
    const owner = first.get(id);
    if (owner === undefined) first.set(id, at);
    return owner === undefined ? [] : [mistake(`${at}.id`, `expected an id of its own, got "${id}", which ${owner} has`)];
  });
}

function stepMistakes({ fields, place }: WalkedStep<Readable>): Mistake[] {
  const parsed = stepForm(fields['uses']).safeParse(fields);
  return parsed.success ? [] : schemaMistakes(parsed.error, fields, (path) => stepFields(fields['uses'], path), place);
}

function outlineFields(path: readonly PropertyKey[]): readonly string[] {
  return path.length === 0 ? Object.keys(Outline.shape) : pathText(path) === 'on' ? Object.keys(Trigger.shape) : [];
}
