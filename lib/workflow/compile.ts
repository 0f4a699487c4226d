import type { Condition } from './condition.ts';
import { compileCondition } from './condition.ts';
import type { Checked, StepDefinition, WorkflowDefinition } from './definition.ts';
import { checkDefinition, isObject, readableSteps } from './definition.ts';
import { readDocument } from './document.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { Read } from './evaluation-failed.ts';
import type { Mistake } from './mistake.ts';
import { mistake, nearestWord } from './mistake.ts';
import { EVENT_FIELDS, STEP_FIELDS } from './scope.ts';
import { STEP_TYPES } from './step-type.ts';
import type { Template } from './template.ts';
import { compileTemplate } from './template.ts';

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
  readonly steps: readonly CompiledStep[];
}

export interface CompiledStep {
  readonly id: string;
  readonly uses: string;
  readonly actor: string;
  readonly condition: Condition | undefined;
  readonly with: Template;
  readonly onUnknown: 'hold' | 'repeat';
}

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
  if (isObject(trigger)) compiledCondition(textOf(trigger['if']), TRIGGER_CONDITION, [], mistakes);
  const steps = readableSteps(document);
  // Where an id is wrong or a step cannot be read, nobody knows which ids the later steps may name.
  const hasIds = !formMistakes.some(({ path }) => /^steps(\[\d+\](\.id)?)?$/.test(path));
  for (const { index, fields } of steps) {
    const earlier = hasIds ? steps.slice(0, index).map((step) => String(step.fields['id'])) : undefined;
    compiledCondition(textOf(fields['if']), `steps[${index}].if`, earlier, mistakes);
    if (isObject(fields['with'])) checkTemplates(fields['with'], `steps[${index}].with`, earlier, mistakes);
  }
  return mistakes;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Compiles every template and condition, and checks what they read: fields of the event and steps that come before. */
export function compileWorkflow(definition: WorkflowDefinition, version: number): Checked<CompiledWorkflow> {
  const mistakes: Mistake[] = [];
  const condition = compiledCondition(definition.on.if, TRIGGER_CONDITION, [], mistakes);
  const steps = definition.steps.map((step, index) =>
    compileStep(
      step,
      `steps[${index}]`,
      definition.steps.slice(0, index).map((earlier) => earlier.id),
      mistakes,
    ),
  );
  if (mistakes.length > 0) return { kind: 'wrong', mistakes };
  const { name, on } = definition;
  const events = typeof on.event === 'string' ? [on.event] : on.event;
  return {
    kind: 'right',
    value: { name, version, events, source: on.source, condition, steps: steps.filter((step) => step !== undefined) },
  };
}

function compileStep(step: StepDefinition, place: string, earlier: readonly string[], mistakes: Mistake[]): CompiledStep | undefined {
  const type = STEP_TYPES[step.uses]!;
  const condition = compiledCondition(step.if, `${place}.if`, earlier, mistakes);
  const mistakesBefore = mistakes.length;
  checkTemplates(step.with, `${place}.with`, earlier, mistakes);
  if (mistakes.length > mistakesBefore) return undefined;
  const template = compileTemplate(step.with, `${place}.with`);
  return { id: step.id, uses: step.uses, actor: type.actor, condition, with: template, onUnknown: step['on-unknown'] ?? type.onUnknown };
}

/** Every text by itself: a compiled whole tells the first mistake only. */
function checkTemplates(value: unknown, place: string, earlier: readonly string[] | undefined, mistakes: Mistake[]): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) checkTemplates(item, `${place}[${index}]`, earlier, mistakes);
  else if (isObject(value)) for (const [name, field] of Object.entries(value)) checkTemplates(field, `${place}.${name}`, earlier, mistakes);
  else {
    const template = attempt(() => compileTemplate(value, place), mistakes);
    if (template !== undefined) checkReads(template.reads, earlier, mistakes);
  }
}

function compiledCondition(
  text: string | undefined,
  place: string,
  earlier: readonly string[] | undefined,
  mistakes: Mistake[],
): Condition | undefined {
  if (text === undefined) return undefined;
  const condition = attempt(() => compileCondition(text, place), mistakes);
  if (condition !== undefined) checkReads(condition.reads, earlier, mistakes);
  return condition;
}

/** `earlier` is undefined where the ids of the steps before are not known. */
function checkReads(reads: readonly Read[], earlier: readonly string[] | undefined, mistakes: Mistake[]): void {
  for (const { path, place } of reads) {
    const [root, word, field] = path;
    if (root === 'event') expectWord(word, EVENT_FIELDS, 'event.', place, mistakes);
    else if (root === 'steps') {
      if (word === undefined || earlier === undefined) continue;
      if (earlier.includes(word)) expectWord(field, STEP_FIELDS, `steps.${word}.`, place, mistakes);
      else mistakes.push(mistake(place, `expected the id of an earlier step, got "steps.${word}"`, nearestWord(word, earlier)));
    } else mistakes.push(mistake(place, `expected event or steps, got "${root}"`, nearestWord(root ?? '', ['event', 'steps'])));
  }
}

function expectWord(word: string | undefined, words: readonly string[], before: string, place: string, mistakes: Mistake[]): void {
  if (word === undefined || words.includes(word)) return;
  mistakes.push(
    mistake(place, `expected one of ${words.map((right) => before + right).join(', ')}, got "${before}${word}"`, nearestWord(word, words)),
  );
}

function attempt<Result>(run: () => Result, mistakes: Mistake[]): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof EvaluationFailed)) throw error;
    mistakes.push(mistake(error.place, error.message, error.nearest));
    return undefined;
  }
}
