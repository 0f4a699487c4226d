import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { spawnServer, stopChild, waitForExit } from './child-process.ts';
import type { Part } from './keep-alive.ts';
import { compileCache, projectRoot } from './local-home.ts';

export interface ProgramOptions {
  readonly name: string;
  /** Its file, seen from the project's root, and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Answers with a status below 300 when the program can do its job. */
  readonly readyUrl: string;
}

export interface LocalProgram extends Part {
  readonly readyUrl: string;
  readonly logFile: string;
}

/** EX_CONFIG of sysexits.h: the configuration or the broker does not fit, and will not by starting again. */
const misconfigured = 78;
/** What our own Node was told holds for the program's: the test runner tells it what it loads packages from. */
const nodeOptions = process.env['NODE_OPTIONS'] === undefined ? {} : { NODE_OPTIONS: process.env['NODE_OPTIONS'] };
/** Longer than a program's own limit for a stop (8 s here, see the environment that it gets). */
const stopDeadlineMs = 10_000;

/** One of our programs as a child with an IPC channel: it stops by itself when the channel breaks. */
export function createProgram(options: ProgramOptions): LocalProgram {
  let child: ChildProcess | undefined;
  return {
    name: options.name,
    readyUrl: options.readyUrl,
    logFile: options.logFile,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    start() {
      const log = openSync(options.logFile, 'a');
      child = spawnServer({
        command: process.execPath,
        args: options.command,
        cwd: projectRoot,
        env: { ...nodeOptions, STOP_TIMEOUT_MS: '8000', NODE_COMPILE_CACHE: compileCache, ...options.env },
        stdio: ['ignore', log, log, 'ipc'],
      });
      closeSync(log);
      return Promise.resolve();
    },
    async stop() {
      if (child) await stopChild(child, 'SIGTERM', stopDeadlineMs);
    },
    whenDown: () => (child ? waitForExit(child) : Promise.resolve()),
    whyHopeless: () => (child?.exitCode === misconfigured ? `its configuration does not fit, see ${options.logFile}` : undefined),
  };
}
