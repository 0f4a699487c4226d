import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { spawnServer, stopChild, waitForExit } from './child-process.ts';
import { type HeldSocket, holdSocket } from './held-socket.ts';
import type { Part } from './keep-alive.ts';
import { compileCache, projectRoot } from './local-home.ts';

export interface ProgramOptions {
  readonly name: string;
  /** Its file, seen from the project's root, and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Held from the first start to the stop, and given to each of its lives as systemd does (sd_listen_fds(3)). (Default: it listens itself) */
  readonly listensOn?: { readonly host: string; readonly port: number };
  /** Answers with a status below 300 when the program can do its job. */
  readonly readyUrl: string;
}

export interface LocalProgram extends Part {
  readonly readyUrl: string;
  readonly logFile: string;
}

/** EX_CONFIG of sysexits.h: the configuration or the broker does not fit, and will not by starting again. */
const misconfigured = 78;
/**
 * What a process of ours is started with: compiled code is kept, and what our own Node was told holds for it, too (the test runner
 * tells it what to load the programs from).
 */
export const nodeEnvironment: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: compileCache,
  ...(process.env['NODE_OPTIONS'] === undefined ? {} : { NODE_OPTIONS: process.env['NODE_OPTIONS'] }),
};
/** Longer than a program's own limit for a stop (8 s here, see the environment that it gets). */
const stopDeadlineMs = 10_000;

/** One of our programs as a child with an IPC channel: it stops by itself when the channel breaks. */
export function createProgram(options: ProgramOptions): LocalProgram {
  const { listensOn } = options;
  let child: ChildProcess | undefined;
  let held: HeldSocket | undefined;
  return {
    name: options.name,
    readyUrl: options.readyUrl,
    logFile: options.logFile,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async start() {
      if (listensOn !== undefined) held ??= await holdSocket(listensOn.host, listensOn.port);
      const log = openSync(options.logFile, 'a');
      child = spawnServer({
        command: process.execPath,
        args: options.command,
        cwd: projectRoot,
        env: {
          ...nodeEnvironment,
          STOP_TIMEOUT_MS: '8000',
          ...options.env,
          ...(held === undefined ? {} : { LISTEN_FDS: '1' }),
        },
        // The first descriptor behind the three is the one that LISTEN_FDS counts from.
        stdio: ['ignore', log, log, ...(held === undefined ? [] : [held.fd]), 'ipc'],
      });
      closeSync(log);
    },
    async stop() {
      if (child) await stopChild(child, 'SIGTERM', stopDeadlineMs);
      held?.close();
      held = undefined;
    },
    whenDown: () => (child ? waitForExit(child) : Promise.resolve()),
    whyHopeless: () => (child?.exitCode === misconfigured ? `its configuration does not fit, see ${options.logFile}` : undefined),
  };
}
