import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable, Writable } from 'node:stream';

/** What a run of the tool reads, and where it writes. */
export interface Terminal {
  /** (Default: the process's own) */
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  /** What a command that went through to its end ends with. */
  exitCode: number;
}

/** Everything that a run started belongs to it, however many runs there are at once. */
const runs = new AsyncLocalStorage<Terminal>();

/** The process's own; standard input is only opened by who reads it. */
export const processTerminal: Terminal = {
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  exitCode: 0,
};

/** The terminal of the run that this belongs to. */
export function terminal(): Terminal {
  return runs.getStore() ?? processTerminal;
}

/** Runs something with a terminal of its own. */
export function onTerminal<Result>(own: Terminal, run: () => Promise<Result>): Promise<Result> {
  return runs.run(own, run);
}
