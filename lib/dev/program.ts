import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from './node-flags.ts';
import { spawnServer, stopChild, waitForExit } from './child-process.ts';
import { type HeldSocket, type SharedSocket, shareSocket } from './held-socket.ts';
import type { Part } from './keep-alive.ts';
import { compileCache, projectRoot } from './local-home.ts';

export interface ProgramOptions {
  readonly name: string;
  /** Its file, seen from the project's root, and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Held from the first start to the stop, and given to each of its lives as systemd does (sd_listen_fds(3)). (Default: it listens itself) */
  readonly listensOn?: SharedSocket | { readonly host: string; readonly port: number };
  /** Answers with a status below 300 when the program can do its job. */
  readonly readyUrl: string;
  /** Whether it starts without a broker and a database that are prepared. (Default: no) */
  readonly needsNothing?: boolean;
}

export interface LocalProgram extends Part {
  readonly readyUrl: string;
  readonly needsNothing: boolean;
  readonly logFile: string;
}

/** EX_CONFIG of sysexits.h: the configuration or the broker does not fit, and will not by starting again. */
const misconfigured = 78;
/** Where `npm start` has put the programs as few files each. (Default: they are run as they lie in the tree) */
const bundles = process.env['VISAPI_BUNDLES'];
/**
 * What a process of ours is started with: compiled code is kept, and what our own Node was told holds for it, too (the test runner
 * tells it what to load the programs from, and `npm run prove` which guard to take away).
 */
export const nodeEnvironment: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: (bundles && process.env['NODE_COMPILE_CACHE']) ?? compileCache,
  ...(process.env['NODE_OPTIONS'] === undefined ? {} : { NODE_OPTIONS: process.env['NODE_OPTIONS'] }),
  ...(process.env['VISAPI_BREAK'] === undefined ? {} : { VISAPI_BREAK: process.env['VISAPI_BREAK'] }),
};
/** Longer than a program's own limit for a stop (8 s here, see the environment that it gets). */
const stopDeadlineMs = 10_000;

/** One of our programs as a child with an IPC channel: it stops by itself when the channel breaks. */
export function createProgram(options: ProgramOptions): LocalProgram {
  const { listensOn } = options;
  const socket = listensOn === undefined || 'take' in listensOn ? listensOn : shareSocket(listensOn.host, listensOn.port);
  let child: ChildProcess | undefined;
  let held: HeldSocket | undefined;
  return {
    name: options.name,
    readyUrl: options.readyUrl,
    needsNothing: options.needsNothing ?? false,
    logFile: options.logFile,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async start() {
      if (socket !== undefined) held ??= await socket.take();
      const log = openSync(options.logFile, 'a');
      child = spawnServer({
        command: process.execPath,
        args: [...NODE_FLAGS, ...nodeArguments(options.command, options.env)],
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

/** A user's own actors get the program's own copy of the kit, and a bundle has none to give. */
function nodeArguments([file, ...words]: ProgramOptions['command'], env: NodeJS.ProcessEnv): readonly string[] {
  const bundle = bundles && join(bundles, file.replace(/\.ts$/, '.cjs'));
  const isBundled = bundle && !env['VISAPI_ACTORS'] && existsSync(bundle);
  return isBundled ? [join(projectRoot, 'scripts', 'launch.cjs'), bundle, ...words] : [file, ...words];
}
