import type { Condition } from './condition.ts';
import type { Checked, Readable, WorkflowDefinition } from './definition.ts';
import { checkDefinition, isObject, walkDefinition, walkDocument } from './definition.ts';
import { readDocument } from './document.ts';
import type { Mistake } from './mistake.ts';
import { checkedCondition, checkTemplates } from './read-check.ts';
import type { StepDefinition } from './step-form.ts';
import { STEP_TYPES } from './step-type.ts';
import type { Template } from './template.ts';
import { compileTemplate } from './template.ts';
import type { WalkedStep } from './walk-steps.ts';

/** The place of a trigger's condition. A run that could not evaluate it stands at its first step with this place in its error. */
export const TRIGGER_CONDITION = 'on.if';

/** One version of a workflow, ready to run. */
export interface CompiledWorkflow {
  readonly name: string;
  readonly version: number;
  /** The types of event that open a run. */
  readonly events: readonly string[];
  /** Undefined: any source. */
  readonly source: string | undefined;
  readonly condition: Condition | undefined;
  /** In the order of the document, those of branches right behind their branch. */
  readonly steps: readonly CompiledStep[];
}

export interface CompiledStep {
  readonly id: string;
  /** Its id behind those of the branches that it is in. */
  readonly path: string;
  /** The branch that it is in, and the arm that has to be taken. */
  readonly within: { readonly branch: string; readonly arm: string } | undefined;
  readonly uses: string;
  readonly condition: Condition | undefined;
  readonly work: StepWork;
}

/** What a step does when it is reached and not skipped. */
export type StepWork =
  | { readonly kind: 'command'; readonly actor: string; readonly with: Template; readonly onUnknown: 'hold' | 'repeat' }
  | { readonly kind: 'emit' | 'delay'; readonly with: Template; readonly place: string }
  | {
      readonly kind: 'branch';
      readonly arms: readonly { readonly name: string; readonly condition: Condition }[];
      readonly hasElse: boolean;
    };

/** Reads, checks and compiles a document as it was written. */
export function compileText(
  text: string,
  version: number,
): Checked<{ readonly definition: WorkflowDefinition; readonly compiled: CompiledWorkflow }> {
  const read = readDocument(text);
  if (read.kind === 'wrong') return read;
  const checked = checkDefinition(read.value);
  if (checked.kind === 'wrong')
    return { kind: 'wrong', mistakes: [...checked.mistakes, ...languageMistakes(read.value, checked.mistakes)] };
  const compiled = compileWorkflow(checked.value, version);
  return compiled.kind === 'wrong' ? compiled : { kind: 'right', value: { definition: checked.value, compiled: compiled.value } };
}

/** The mistakes in the templates and conditions of a document whose form is wrong somewhere, as far as they can be read. */
function languageMistakes(document: unknown, formMistakes: readonly Mistake[]): Mistake[] {
  const mistakes: Mistake[] = [];
  const trigger = isObject(document) ? document['on'] : undefined;
  if (isObject(trigger)) checkedCondition(trigger['if'], TRIGGER_CONDITION, [], mistakes);
  // Where an id is wrong or a step cannot be read, nobody knows which ids the later steps may name.
  const hasIds = !formMistakes.some(({ path }) => /(^|\.)(steps|else)(\[\d+\](\.id)?)?$/.test(path));
  for (const step of walkDocument(document)) checkStep(step, hasIds, mistakes);
  return mistakes;
}

/** Compiles what stands in a step, and names what is wrong with it. */
function checkStep({ fields, at, earlier }: WalkedStep<Readable>, hasIds: boolean, mistakes: Mistake[]): void {
  const known = hasIds ? earlier : undefined;
  checkedCondition(fields['if'], `${at}.if`, known, mistakes);
  if (isObject(fields['with'])) checkTemplates(fields['with'], `${at}.with`, known, mistakes);
  const { branches } = fields;
  if (Array.isArray(branches))
    for (const [index, arm] of branches.entries())
      if (isObject(arm)) checkedCondition(arm['if'], `${at}.branches[${index}].if`, known, mistakes);
}

/** Compiles every template and condition, and checks what they read: fields of the event and steps that come before. */
export function compileWorkflow(definition: WorkflowDefinition, version: number): Checked<CompiledWorkflow> {
  const mistakes: Mistake[] = [];
  const condition = checkedCondition(definition.on.if, TRIGGER_CONDITION, [], mistakes);
  const walked = walkDefinition(definition);
  for (const step of walked) checkStep({ ...step, fields: { ...step.fields } }, true, mistakes);
  if (mistakes.length > 0) return { kind: 'wrong', mistakes };
  const { name, on } = definition;
  const events = typeof on.event === 'string' ? [on.event] : on.event;
  return { kind: 'right', value: { name, version, events, source: on.source, condition, steps: walked.map(compileStep) } };
}

/** Of a step that was checked. */
function compileStep({ fields, at, path, within }: WalkedStep<StepDefinition>): CompiledStep {
  const { id, uses } = fields;
  const condition = checkedCondition(fields.if, `${at}.if`, undefined, []);
  return { id, path, within, uses, condition, work: workOf(fields, at) };
}

function workOf(step: StepDefinition, at: string): StepWork {
  if (step.branches !== undefined) {
    const arms = step.branches.flatMap((arm, index) => {
      const condition = checkedCondition(arm.if, `${at}.branches[${index}].if`, undefined, []);
      return condition === undefined ? [] : [{ name: String(index), condition }];
    });
    return { kind: 'branch', arms, hasElse: step.else !== undefined };
  }
  const place = `${at}.with`;
  const template = compileTemplate(step.with ?? {}, place);
  if (step.uses === 'emit' || step.uses === 'delay') return { kind: step.uses, with: template, place };
  const type = STEP_TYPES[step.uses]!;
  return { kind: 'command', actor: type.actor, with: template, onUnknown: step['on-unknown'] ?? type.onUnknown };
}
