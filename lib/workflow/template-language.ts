import { Liquid } from 'liquidjs';
import type { FilterImplOptions, LiquidOptions } from 'liquidjs';

/**
 * The template language: Liquid with lists of what it may use. What is not on a list is a mistake when the workflow is saved: no
 * file system, no randomness, nothing that writes outside the output, and no value that silently becomes an empty string.
 */

/** Tags that read, choose and repeat. Without `include`, `render`, `layout` (files) and `capture`, `cycle`, `increment`, `raw`. */
const TAGS = new Set(['assign', 'if', 'unless', 'case', 'for', 'break', 'continue', 'comment', '#']);

/** Filters that give the same answer for the same value. Without `sample`, `raw` and those that evaluate text (`where_exp` ...). */
const FILTERS = new Set(
  (
    'abs append at_least at_most capitalize ceil compact concat date default divided_by downcase escape first floor join json last ' +
    'lstrip map minus modulo newline_to_br plus prepend remove remove_first replace replace_first reverse round rstrip size slice ' +
    'sort split strip strip_html strip_newlines sum times truncate truncatewords uniq upcase url_encode where'
  ).split(' '),
);

/** These two are there for values that may be missing. */
const TAKES_NOTHING = new Set(['default', 'json']);

/** The same template and event must give the same text after a crash, so the clock is not a value. */
const CLOCK_WORDS = new Set(['now', 'today']);

/** One string of a workflow document, in characters. Slack's longest text has 40,000. */
const MAX_TEMPLATE_LENGTH = 50_000;
/** One rendering. A long release note takes about 1 ms; a turn may hold up its process's event loop for this long at most. */
export const MAX_RENDER_MS = 100;
/** Characters and elements that one rendering may make: ten times the longest template. */
const MAX_RENDER_MEMORY = 500_000;

type FilterFunction = Extract<FilterImplOptions, (...parameters: never[]) => unknown>;

export class UnresolvedValue extends Error {
  override readonly name = 'UnresolvedValue';
}

/** What another language on the same lists may use more, and how it prints. */
export interface TemplateLanguage {
  readonly tags: readonly string[];
  readonly options: LiquidOptions;
  /** What becomes of a value's text behind `{{ }}`. */
  readonly escape: (text: string) => string;
}

export const liquid = createLanguage({ tags: [], options: { templates: {} }, escape: (text) => text });

export function allowedFilters(): readonly string[] {
  return Object.keys(liquid.filters);
}

export function allowedTags(): readonly string[] {
  return Object.keys(liquid.tags);
}

/** Makes an engine with the lists of this file; `liquid` is the one that workflow documents are written in. */
export function createLanguage({ tags, options, escape }: TemplateLanguage): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    // A missing value may be asked for in `if` and replaced by `default`; everywhere else it is an error.
    lenientIf: true,
    ownPropertyOnly: true,
    parseLimit: MAX_TEMPLATE_LENGTH,
    renderLimit: MAX_RENDER_MS,
    memoryLimit: MAX_RENDER_MEMORY,
    timezoneOffset: 0,
    locale: 'en-US',
    dateFormat: '%Y-%m-%dT%H:%M:%SZ',
    outputEscape: (value: unknown) => escape(printed(value)),
    ...options,
  });
  for (const name of Object.keys(engine.tags)) if (!TAGS.has(name) && !tags.includes(name)) delete engine.tags[name];
  for (const [name, filter] of Object.entries(engine.filters)) {
    if (!FILTERS.has(name)) engine.unregisterFilter(name);
    else if (!TAKES_NOTHING.has(name) && typeof filter === 'function') engine.registerFilter(name, guarded(name, filter));
  }
  engine.registerFilter('slack_escape', (value: unknown) => slackEscape(printed(value)));
  return engine;
}

/** A filter that refuses a value that is not there instead of taking it for an empty string. */
function guarded(name: string, filter: FilterFunction): FilterFunction {
  return function (value: unknown, ...rest: unknown[]): unknown {
    if (value === undefined || value === null)
      throw new UnresolvedValue(`the value before "| ${name}" is ${value}; put "| default: ..." first`);
    if (rest.some((argument) => argument === undefined || argument === null))
      throw new UnresolvedValue(`a value behind "| ${name}:" is missing`);
    if (name === 'join' && Array.isArray(value) && value.some((element) => element === undefined || element === null))
      throw new UnresolvedValue('an element before "| join" is missing; put "| compact" first');
    if (name === 'date' && typeof value === 'string' && CLOCK_WORDS.has(value))
      throw new UnresolvedValue('the clock is not a value; use event.time');
    return filter.call(this, value, ...rest);
  };
}

/** What stands at the end of every `{{ }}`. */
function printed(value: unknown): string {
  if (value === undefined || value === null) throw new UnresolvedValue(`the value is ${value}; put "| default: ..." behind it`);
  if (typeof value === 'object')
    throw new UnresolvedValue(
      `the value is ${Array.isArray(value) ? 'a list; use "| join"' : 'an object; use one of its fields'} or "| json"`,
    );
  if (typeof value === 'number' && !Number.isFinite(value)) throw new UnresolvedValue('the value is no number');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The three characters that mean something in Slack's text (docs.slack.dev, "Formatting message text": escaping text). */
function slackEscape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
