import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The user that a server runs as; only root may name another one. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  /** Keeps the right to pass folders that only root may enter (a clone under /root, a private temp folder). */
  readonly passFolders: boolean;
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdio?: StdioOptions;
  readonly runAs?: RunAs | undefined;
  /** The signal that the kernel sends to the server when we die. (Default: SIGTERM) */
  readonly signalOnOurDeath?: 'INT' | 'TERM' | 'KILL';
}

const setpriv = '/usr/bin/setpriv';

/**
 * Starts a server that does not outlive us: on Linux the kernel signals it when this process dies, even by kill -9.
 * Where util-linux is missing it is a plain child, and its pid file is the way to find it again.
 */
export function spawnServer(options: ServerOptions): ChildProcess {
  const { command, args, runAs } = options;
  // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the others in their order.
  const base = { env: options.env, cwd: options.cwd, stdio: options.stdio ?? 'ignore', detached: true } as const;
  if (!existsSync(setpriv)) {
    return spawn(command, [...args], { ...base, ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}) });
  }
  const guard = [`--pdeathsig=${options.signalOnOurDeath ?? 'TERM'}`];
  if (runAs) guard.push(`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups');
  if (runAs?.passFolders) guard.push('--inh-caps=+dac_override', '--ambient-caps=+dac_override');
  return spawn(setpriv, [...guard, '--', command, ...args], base);
}

/** Resolves when the process is gone; at once when it already is. */
export function waitForExit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** Asks a process to stop and kills it when it has not within `deadlineMs`. May be called twice and on a dead process. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const killer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  try {
    child.kill(signal);
    await waitForExit(child);
  } finally {
    clearTimeout(killer);
  }
}
