import type { Template as LiquidTemplate } from 'liquidjs';

import type { Scope } from './scope.ts';
import { liquid } from './template-language.ts';

/** A compiled JSON value whose strings are templates; renders to the same value with the strings filled in. */
export interface Template {
  /** Throws `TemplateFailed`. */
  render(scope: Scope): unknown;
  /** What it reads: `['event', 'data', 'release']`; a place that is only known when it is rendered ends the path. */
  readonly reads: readonly { readonly path: readonly string[]; readonly place: string }[];
}

/** A template cannot be parsed or rendered; `place` is where in the workflow. */
export class TemplateFailed extends Error {
  override readonly name = 'TemplateFailed';
  readonly place: string;
  constructor(place: string, message: string, cause: unknown) {
    super(message, { cause });
    this.place = place;
  }
}

/** Characters of one rendered string; Slack's longest text has 40,000. */
const MAX_RENDERED_LENGTH = 100_000;

/**
 * Compiles a JSON value, objects and lists included. Every rendered string stays a string, also `"{{ event.data.count }}"`.
 * Throws `TemplateFailed` for the first string that is not a template; `place` is where the value stands.
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
  const parsed = guard(place, () => liquid.parse(text));
  const reads = guard(place, () => liquid.globalVariableSegmentsSync(parsed)).map((segments) => ({ path: knownSegments(segments), place }));
  return { reads, render: (scope) => renderText(parsed, scope, place) };
}

function renderText(parsed: LiquidTemplate[], scope: Scope, place: string): string {
  const text: unknown = guard(place, () => liquid.renderSync(parsed, scope));
  if (typeof text !== 'string') throw new TemplateFailed(place, `expected text, got ${typeof text}`, undefined);
  // The length of a string is known before V8 puts its pieces together.
  if (text.length > MAX_RENDERED_LENGTH)
    throw new TemplateFailed(place, `expected at most ${MAX_RENDERED_LENGTH} characters, got ${text.length}`, undefined);
  return text;
}

function knownSegments(segments: readonly unknown[]): string[] {
  const end = segments.findIndex((segment) => typeof segment !== 'string');
  return (end === -1 ? segments : segments.slice(0, end)).map(String);
}

function guard<Result>(place: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const inner = error instanceof Error && 'originalError' in error && error.originalError instanceof Error ? error.originalError : error;
    throw new TemplateFailed(place, inner instanceof Error ? inner.message : String(inner), error);
  }
}
