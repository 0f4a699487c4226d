import { Environment, EvaluationError, ParseError, TypeError } from '@marcbachmann/cel-js';
import type { ASTNode, Context } from '@marcbachmann/cel-js';

import { EvaluationFailed } from './evaluation-failed.ts';
import type { Read } from './evaluation-failed.ts';
import { nearestWord } from './mistake.ts';
import type { Scope } from './scope.ts';
import { EVENT_FIELDS } from './scope.ts';

/** A compiled CEL expression (github.com/google/cel-spec) that answers true or false. */
export interface Condition {
  /** Throws `EvaluationFailed`, also where the answer is neither true nor false. */
  holds(scope: Scope): boolean;
  readonly text: string;
  readonly reads: readonly Read[];
}

/** One condition; the longest sensible one that we could think of has 300 characters. */
const MAX_LENGTH = 2_000;

/** Enough to find the place in a long condition. */
const EXCERPT_LENGTH = 40;

/** CEL has no loops but these, and nested in each other they take (elements of the event) to the power of the depth. */
const MACROS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

const environment = createEnvironment();

/** Throws `EvaluationFailed` when it cannot be an expression that answers true or false; `place` is where it stands. */
export function compileCondition(text: string, place: string): Condition {
  if (text.length > MAX_LENGTH) throw new EvaluationFailed(place, `expected at most ${MAX_LENGTH} characters, got ${text.length}`);
  const expression = parse(place, text);
  const checked = expression.check();
  if (!checked.valid) throw wrong(place, text, checked.error);
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    throw new EvaluationFailed(place, `expected an expression that answers true or false, got one that answers ${checked.type}`);
  const reads: string[][] = [];
  visit(expression.ast, place, 0, reads);
  return {
    text,
    reads: reads.map((path) => ({ path, place })),
    holds(scope) {
      const answer: unknown = guard(place, text, () => expression(context(scope)));
      if (typeof answer !== 'boolean') throw new EvaluationFailed(place, `expected true or false, got ${typeof answer}`);
      return answer;
    },
  };
}

function createEnvironment(): Environment {
  return new Environment({ enableOptionalTypes: true, limits: { maxAstNodes: 400, maxDepth: 32, maxListElements: 200, maxMapEntries: 50 } })
    .registerVariable({
      name: 'event',
      schema: Object.fromEntries(EVENT_FIELDS.map((field) => [field, field === 'data' ? 'dyn' : 'string'])),
    })
    .registerVariable('steps', 'map<string, dyn>');
}

function context(scope: Scope): Context {
  return { event: scope.event, steps: scope.steps };
}

/** The parser's errors name what it met, but not where: the text from there on says it. */
function parse(place: string, text: string): ReturnType<Environment['parse']> {
  try {
    return environment.parse(text);
  } catch (error) {
    if (!(error instanceof ParseError) || error.range === undefined) throw wrong(place, text, error);
    const { start } = error.range;
    const rest = text.slice(start, start + EXCERPT_LENGTH);
    const where = rest === '' ? `at the end of "${text.slice(-EXCERPT_LENGTH)}"` : `at character ${start + 1}, "${rest}"`;
    throw new EvaluationFailed(place, `${error.summary}, ${where}`, { cause: error });
  }
}

/** Refuses what could take for ever, and collects what is read. */
function visit(node: ASTNode, place: string, depth: number, reads: string[][]): void {
  const path = selection(node);
  // Anything else that the check has let through is the variable of a macro.
  if (path !== undefined && (path[0] === 'event' || path[0] === 'steps')) reads.push(path);
  if (node.op === 'call' || node.op === 'rcall') {
    const name = node.args[0];
    // JavaScript's regular expressions backtrack: one of them over a stranger's text can block the process.
    if (name === 'matches') throw new EvaluationFailed(place, 'matches() is not available; use contains(), startsWith() or endsWith()');
    if (node.op === 'rcall' && MACROS.has(name)) {
      if (depth > 0) throw new EvaluationFailed(place, `${name}() inside another of ${[...MACROS].join(', ')} is not available`);
      depth += 1;
    }
  }
  if (path === undefined) for (const child of children(node.args)) visit(child, place, depth, reads);
}

/** `event.data.x` as a path; undefined where the node is no plain selection. */
function selection(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args];
  if (node.op === '.') return extended(selection(node.args[0]), node.args[1]);
  if (node.op !== '[]') return undefined;
  const [object, index] = node.args;
  return index.op === 'value' && typeof index.args === 'string' ? extended(selection(object), index.args) : undefined;
}

function extended(path: string[] | undefined, word: string): string[] | undefined {
  return path === undefined ? undefined : [...path, word];
}

function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return isNode(args) ? [args] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function guard<Result>(place: string, text: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw wrong(place, text, error);
  }
}

function wrong(place: string, text: string, error: unknown): EvaluationFailed {
  if (!(error instanceof ParseError || error instanceof TypeError || error instanceof EvaluationError))
    return new EvaluationFailed(place, error instanceof Error ? error.message : String(error), { cause: error });
  const word = error.range === undefined ? '' : text.slice(error.range.start, error.range.end);
  const words = error.code === 'unknown_variable' ? ['event', 'steps'] : error.code === 'no_such_key' ? EVENT_FIELDS : [];
  return new EvaluationFailed(place, error.summary, { cause: error, nearest: nearestWord(word, words) });
}
