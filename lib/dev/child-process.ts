import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/** A process that has a processor stops at once; on a machine under load it takes as long as it takes to get one. */
const frozenDeadlineMs = 10_000;

/**
 * Stops a process as SIGSTOP does, and returns when all its threads stand still: the signal takes effect only when one of
 * them is given a processor, and until then the others go on. Blocks, so that nothing of ours happens in between.
 * Where there is no /proc it only sends the signal. @throws Error when it still runs after 10 s
 */
export function freezeChild(child: ChildProcess): void {
  child.kill('SIGSTOP');
  const deadline = performance.now() + frozenDeadlineMs;
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  while (!standsStill(`/proc/${child.pid}/task`)) {
    if (performance.now() > deadline) throw new Error(`expected process ${child.pid} to stand still within ${frozenDeadlineMs} ms`);
    Atomics.wait(nothing, 0, 0, 1);
  }
}

/** Also true of a process that is gone. */
function standsStill(tasks: string): boolean {
  try {
    // The state is the first field behind the name, which is in brackets and may hold any character (proc_pid_stat(5)).
    return readdirSync(tasks).every((task) => /^.*\) [TtZX]/s.test(readFileSync(`${tasks}/${task}/stat`, 'utf8')));
  } catch {
    return !existsSync(tasks);
  }
}
