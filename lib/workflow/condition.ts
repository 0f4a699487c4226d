import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode, Context } from '@marcbachmann/cel-js';

import type { Scope } from './scope.ts';
import { EVENT_FIELDS } from './scope.ts';

/** A compiled CEL expression (github.com/google/cel-spec) that answers true or false. */
export interface Condition {
  /** Throws `ConditionFailed`, also where the answer is neither true nor false. */
  holds(scope: Scope): boolean;
  /** What it reads: `['steps', 'first', 'output']`. */
  readonly reads: readonly { readonly path: readonly string[]; readonly place: string }[];
}

/** A condition cannot be compiled or evaluated; `place` is where in the workflow. */
export class ConditionFailed extends Error {
  override readonly name = 'ConditionFailed';
  readonly place: string;
  constructor(place: string, message: string, cause: unknown) {
    super(message, { cause });
    this.place = place;
  }
}

/** One condition; the longest sensible one that we could think of has 300 characters. */
const MAX_LENGTH = 2_000;

/** CEL has no loops but these, and nested in each other they take (elements of the event) to the power of the depth. */
const MACROS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

const environment = createEnvironment();

/** Throws `ConditionFailed` when it cannot be an expression that answers true or false; `place` is where it stands. */
export function compileCondition(text: string, place: string): Condition {
  if (text.length > MAX_LENGTH) throw new ConditionFailed(place, `expected at most ${MAX_LENGTH} characters, got ${text.length}`, undefined);
  const expression = guard(place, () => environment.parse(text));
  const checked = expression.check();
  if (!checked.valid) throw new ConditionFailed(place, checked.error?.summary ?? 'not a valid expression', checked.error);
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    throw new ConditionFailed(place, `expected an expression that answers true or false, got one that answers ${checked.type}`, undefined);
  const reads: string[][] = [];
  visit(expression.ast, place, 0, reads);
  return {
    reads: reads.map((path) => ({ path, place })),
    holds(scope) {
      const answer: unknown = guard(place, () => expression(context(scope)));
      if (typeof answer !== 'boolean') throw new ConditionFailed(place, `expected true or false, got ${typeof answer}`, undefined);
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

/** Refuses what could take for ever, and collects what is read. */
function visit(node: ASTNode, place: string, depth: number, reads: string[][]): void {
  const path = selection(node);
  if (path !== undefined) reads.push(path);
  if (node.op === 'call' || node.op === 'rcall') {
    const name = node.args[0];
    // JavaScript's regular expressions backtrack: one of them over a stranger's text can block the process.
    if (name === 'matches') throw new ConditionFailed(place, 'matches() is not available; use contains(), startsWith() or endsWith()', undefined);
    if (node.op === 'rcall' && MACROS.has(name)) {
      if (depth > 0) throw new ConditionFailed(place, `${name}() inside another of ${[...MACROS].join(', ')} is not available`, undefined);
      depth += 1;
    }
  }
  if (path === undefined) for (const child of children(node.args)) visit(child, place, depth, reads);
}

/** `event.data.x` as a path; undefined where the node is no plain selection. */
function selection(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args];
  if (node.op !== '.') return undefined;
  const inner = selection(node.args[0]);
  return inner === undefined ? undefined : [...inner, node.args[1]];
}

function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return isNode(args) ? [args] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function guard<Result>(place: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const summary = error instanceof Error && 'summary' in error ? String(error.summary) : error instanceof Error ? error.message : String(error);
    throw new ConditionFailed(place, summary, error);
  }
}
