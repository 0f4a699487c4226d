/**
 * The only file of the tool that prints. A command hands over what it found; here it becomes a table for people or,
 * with `--json`, one JSON document on stdout. Errors go to stderr as one line.
 */
import Table from 'cli-table3';
import type { Command } from 'commander';
import { AppError } from '../../lib/core/app-error.ts';
import { terminal } from './terminal.ts';

/** What the tool's exit codes mean; a script may rely on them. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, notFound: 3, unreachable: 4 } as const;

/** An expected end of a command. The message is one sentence: what was expected, what was got, what to do. */
export class CommandError extends Error {
  readonly exitCode: number;

  /** @param exitCode (Default: 1) */
  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CommandError';
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

export interface Output {
  /** With `--json`. */
  readonly isJson: boolean;
  /** The command's result: the value itself with `--json`, the text for people otherwise. Called once per command. */
  result(value: unknown, forPeople: () => string): void;
  /** One of several results: a line of JSON, or text. */
  line(value: unknown, forPeople: () => string): void;
  /** Progress and hints; on stderr, so that stdout stays the result. */
  note(line: string): void;
}

/** The output of the command that runs; give it the command that an action gets as its last argument. */
export function outputOf(command: Command): Output {
  const isJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
  return {
    isJson,
    result(value, forPeople) {
      terminal().stdout.write(`${isJson ? JSON.stringify(value, null, 2) : forPeople()}\n`);
    },
    line(value, forPeople) {
      terminal().stdout.write(`${isJson ? JSON.stringify(value) : forPeople()}\n`);
    },
    note(line) {
      terminal().stderr.write(`${line}\n`);
    },
  };
}

/** A table for people. Empty cells are empty, not "null". */
export function table(head: readonly string[], rows: readonly (readonly (string | number | boolean | null | undefined)[])[]): string {
  const drawn = new Table({ head: [...head], style: { head: terminal().stdout.isTTY === true ? ['bold'] : [], border: [] } });
  drawn.push(...rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? '' : String(cell)))));
  return drawn.toString();
}

/** Prints why a command ended, in one line or as JSON. @returns the exit code */
export function printError(error: unknown, isJson: boolean): number {
  const code = error instanceof AppError ? error.code : undefined;
  const isAway = code === 'database_unavailable' || isUnreachable(error);
  const exitCode = error instanceof CommandError ? error.exitCode : isAway ? exitCodes.unreachable : exitCodes.failed;
  const message = errorText(error);
  terminal().stderr.write(isJson ? `${JSON.stringify({ error: message, code, exitCode })}\n` : `visapi: ${message}\n`);
  return exitCode;
}

const HINT = 'is npm start running?';

/** The error with its causes, each fact once, and what to do where nothing listens. */
export function errorText(error: unknown): string {
  const text = explain(error);
  return isUnreachable(error) && !text.includes(HINT) ? `${text}; ${HINT}` : text;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node reports a refused connection to several addresses as an AggregateError without a message.
  const message = error.message || (error instanceof AggregateError ? explain(error.errors[0]) : error.name);
  const { cause } = error;
  return cause === undefined || isTold(error, message, cause) ? message : `${message} (${explain(cause)})`;
}

/** Whether a message says already what its cause says. */
function isTold(error: Error, message: string, cause: unknown): boolean {
  if (isConnectionRefused(error) && isConnectionRefused(cause)) return true;
  if (!(cause instanceof Error)) return message.includes(String(cause));
  if ('code' in cause && typeof cause.code === 'string' && message.includes(cause.code)) return true;
  return cause.message !== '' && message.includes(cause.message);
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && (isConnectionRefused(error) || isUnreachable(error.cause));
}

function isConnectionRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'CONNECTION_REFUSED')) return true;
  return error.name === 'ConnectionError' && error.message.includes('refused');
}

/** Longer values are in the JSON. */
const MAX_DETAIL = 120;

/** A JSON value as a detail of a table: cut where it is long, empty where it is null. */
export function compact(value: unknown): string {
  const text = value === null ? '' : JSON.stringify(value);
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}...` : text;
}
