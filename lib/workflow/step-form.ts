import { z } from 'zod';

import { parseDuration } from './delay.ts';
import { STEP_TYPES } from './step-type.ts';
import type { StepType } from './step-type.ts';

/** More steps than that want to be two workflows. Those of branches count. */
export const MAX_STEPS = 50;
/** A decision with more cases wants to be a table in the program that sends the event. */
const MAX_BRANCHES = 10;

/** Any step of a workflow document. Which fields there are depends on `uses`. */
export interface StepDefinition {
  readonly id: string;
  readonly uses: string;
  readonly if?: string | undefined;
  readonly with?: Readonly<Record<string, unknown>> | undefined;
  readonly 'on-unknown'?: 'hold' | 'repeat' | undefined;
  readonly branches?: readonly { readonly if: string; readonly steps: readonly StepDefinition[] }[] | undefined;
  readonly else?: readonly StepDefinition[] | undefined;
}

const BASE = {
  id: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,50}$/, '1 to 50 of a-z, A-Z, 0-9, _ and -')
    .describe('Names the step in steps.<id>.output, in traces and in the identity of its command. Each id once in a workflow.'),
  if: z.string().optional().describe('CEL: the step is skipped where this does not hold.'),
};

/** What a step that the engine itself does is told. Every string in it is a template. */
export const ENGINE_STEPS = {
  emit: z.strictObject({
    type: z.string().min(1).max(1_000).describe('The type of the new event.'),
    key: z.string().min(1).max(1_000).optional().describe('The key of the new event. (Default: that of the event that opened the run)'),
    data: z.record(z.string(), z.unknown()).optional().describe('The body of the new event. (Default: an empty object)'),
  }),
  delay: z
    .strictObject({
      for: z
        .string()
        .refine((text) => text.includes('{') || parseDuration(text) !== undefined, 'expected a duration such as 90s, 15m, 1h30m, 2d or 1w')
        .optional()
        .describe('How long: 90s, 15m, 1h30m, 2d, 1w.'),
      until: z.string().min(1).optional().describe('Until when: a moment in RFC 3339. One that is past is no delay.'),
    })
    .refine((told) => (told.for === undefined) !== (told.until === undefined), 'expected one of for, until, got both or none'),
} as const satisfies Readonly<Record<string, z.ZodObject>>;

export const USES: readonly string[] = [...Object.keys(STEP_TYPES), ...Object.keys(ENGINE_STEPS), 'branch'];

/** A step where `uses` names nothing that there is. */
const UNKNOWN = z.looseObject({ ...BASE, uses: z.enum(USES) });

function actionForm(uses: string, type: StepType): z.ZodObject {
  const onUnknown = z
    .enum(['hold', 'repeat'])
    .optional()
    .describe(`When nobody knows whether it happened: hold waits for a person, repeat does it once more. (Default: ${type.onUnknown})`);
  return z.strictObject({ id: BASE.id, uses: z.literal(uses), with: type.with, if: BASE.if, 'on-unknown': onUnknown });
}

function engineForm(uses: string, form: z.ZodObject): z.ZodObject {
  return z.strictObject({ id: BASE.id, uses: z.literal(uses), with: form, if: BASE.if });
}

function branchForm(step: z.ZodType): z.ZodObject {
  const steps = z.array(step).min(1).max(MAX_STEPS);
  const arm = z.strictObject({ if: z.string().describe('CEL: the first branch whose condition holds is taken.'), steps });
  return z.strictObject({
    id: BASE.id,
    uses: z.literal('branch'),
    if: BASE.if,
    branches: z.array(arm).min(1).max(MAX_BRANCHES),
    else: steps.optional().describe('What is taken where no condition holds. (Default: nothing)'),
  });
}

function formsOver(step: z.ZodType): ReadonlyMap<string, z.ZodObject> {
  return new Map([
    ...Object.entries(STEP_TYPES).map(([uses, type]) => [uses, actionForm(uses, type)] as const),
    ...Object.entries(ENGINE_STEPS).map(([uses, form]) => [uses, engineForm(uses, form)] as const),
    ['branch', branchForm(step)] as const,
  ]);
}

/** A step that is an object; what is in it is checked by its own form. */
export const ANY_STEP = z.looseObject({});

const OWN_FORMS = formsOver(ANY_STEP);

/** The form of one step without that of the steps inside it. */
export function stepForm(uses: unknown): z.ZodObject {
  return (typeof uses === 'string' ? OWN_FORMS.get(uses) : undefined) ?? UNKNOWN;
}

/** A step with all that is inside it. */
export const WHOLE_STEP: z.ZodType<StepDefinition> = z.lazy(
  () => z.union([...WHOLE_FORMS.values()]) as unknown as z.ZodType<StepDefinition>,
);

const WHOLE_FORMS = formsOver(WHOLE_STEP);

/** The fields that a place inside a step knows. */
export function stepFields(uses: unknown, path: readonly PropertyKey[]): readonly string[] {
  const form = stepForm(uses);
  if (path.length === 0) return Object.keys(form.shape);
  if (path[0] === 'branches' && path.length === 2) return ['if', 'steps'];
  const told = form.shape['with'];
  return path[0] === 'with' && path.length === 1 && told instanceof z.ZodObject ? Object.keys(told.shape) : [];
}
