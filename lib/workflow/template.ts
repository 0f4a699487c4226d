import type { Template as LiquidTemplate } from 'liquidjs';

import { EvaluationFailed } from './evaluation-failed.ts';
import type { Read } from './evaluation-failed.ts';
import { nearestWord } from './mistake.ts';
import { renderWithinLimit } from './render-limit.ts';
import type { Scope } from './scope.ts';
import { allowedFilters, allowedTags, liquid, MAX_RENDER_MS } from './template-language.ts';

/** A compiled JSON value whose strings are templates; renders to the same value with the strings filled in. */
export interface Template {
  /** Throws `EvaluationFailed`. */
  render(scope: Scope): unknown;
  readonly reads: readonly Read[];
}

/** Characters of one rendered string; Slack's longest text has 40,000. */
const MAX_RENDERED_LENGTH = 100_000;

/** What stands between and after the tags. */
const TAG_PARTS = ['else', 'elsif', 'when', 'endif', 'endunless', 'endcase', 'endfor', 'endcomment'];

/**
 * Compiles a JSON value, objects and lists included. Every rendered string stays a string, also `"{{ event.data.count }}"`.
 * Throws `EvaluationFailed` for the first string that is not a template; `place` is where the value stands.
 */
export function compileTemplate(value: unknown, place: string): Template {
  if (typeof value === 'string') return compileText(value, place);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTemplate(item, `${place}[${index}]`));
    return { reads: items.flatMap((item) => item.reads), render: (scope) => items.map((item) => item.render(scope)) };
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => [name, compileTemplate(field, `${place}.${name}`)] as const);
    return {
      reads: fields.flatMap(([, field]) => field.reads),
      render: (scope) => Object.fromEntries(fields.map(([name, field]) => [name, field.render(scope)])),
    };
  }
  return { reads: [], render: () => value };
}

function compileText(text: string, place: string): Template {
  if (!/\{[{%]/.test(text)) return { reads: [], render: () => text };
  const parsed = guard(
    place,
    () => liquid.parse(text),
    () => nearestInText(text),
  );
  const reads = guard(place, () => liquid.globalVariableSegmentsSync(parsed)).map((segments) => ({ path: knownSegments(segments), place }));
  return { reads, render: (scope) => renderText(parsed, scope, place) };
}

function renderText(parsed: LiquidTemplate[], scope: Scope, place: string): string {
  const text: unknown = guard(place, () => renderWithinLimit(MAX_RENDER_MS, () => liquid.renderSync(parsed, scope)));
  if (typeof text !== 'string') throw new EvaluationFailed(place, `expected text, got ${typeof text}`);
  // The length of a string is known before V8 puts its pieces together.
  if (text.length > MAX_RENDERED_LENGTH)
    throw new EvaluationFailed(place, `expected at most ${MAX_RENDERED_LENGTH} characters, got ${text.length}`);
  return text;
}

function knownSegments(segments: readonly unknown[]): string[] {
  const end = segments.findIndex((segment) => typeof segment !== 'string');
  return (end === -1 ? segments : segments.slice(0, end)).map(String);
}

/** Liquid wraps what happened in an error of its own that repeats the template. */
function guard<Result>(place: string, run: () => Result, nearest?: () => string | undefined): Result {
  try {
    return run();
  } catch (error) {
    const inner = error instanceof Error && 'originalError' in error && error.originalError instanceof Error ? error.originalError : error;
    throw new EvaluationFailed(place, inner instanceof Error ? inner.message : String(inner), { cause: error, nearest: nearest?.() });
  }
}

/** The right word for the first filter or tag that is not on the lists. */
function nearestInText(text: string): string | undefined {
  for (const [, tag, filter] of text.matchAll(/\{%-?\s*([a-z_]+)|\|\s*([a-z_]+)/g)) {
    const words = tag === undefined ? allowedFilters() : [...allowedTags(), ...TAG_PARTS];
    const word = tag ?? filter;
    if (word !== undefined && !words.includes(word)) return nearestWord(word, words);
  }
  return undefined;
}
