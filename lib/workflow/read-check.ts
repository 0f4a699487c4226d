import type { Condition } from './condition.ts';
import { compileCondition } from './condition.ts';
import { isObject } from './definition.ts';
import type { Read } from './evaluation-failed.ts';
import { EvaluationFailed } from './evaluation-failed.ts';
import type { Mistake } from './mistake.ts';
import { mistake, nearestWord } from './mistake.ts';
import { EVENT_FIELDS, STEP_FIELDS } from './scope.ts';
import { compileTemplate } from './template.ts';

/** Ids of the steps that have certainly ended; undefined where they are not known. */
export type Earlier = readonly string[] | undefined;

/** Checks what every text in a value reads, each by itself: a compiled whole tells the first mistake only. */
export function checkTemplates(value: unknown, place: string, earlier: Earlier, mistakes: Mistake[]): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) checkTemplates(item, `${place}[${index}]`, earlier, mistakes);
  else if (isObject(value)) for (const [name, field] of Object.entries(value)) checkTemplates(field, `${place}.${name}`, earlier, mistakes);
  else {
    const template = attempt(() => compileTemplate(value, place), mistakes);
    if (template !== undefined) checkReads(template.reads, earlier, mistakes);
  }
}

/** Undefined where there is no text, or where it is wrong. */
export function checkedCondition(text: unknown, place: string, earlier: Earlier, mistakes: Mistake[]): Condition | undefined {
  if (typeof text !== 'string') return undefined;
  const condition = attempt(() => compileCondition(text, place), mistakes);
  if (condition !== undefined) checkReads(condition.reads, earlier, mistakes);
  return condition;
}

function checkReads(reads: readonly Read[], earlier: Earlier, mistakes: Mistake[]): void {
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
