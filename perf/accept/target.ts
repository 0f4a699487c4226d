import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { spawnServer, stopChild } from '../../lib/dev/child-process.ts';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { poll } from '../../lib/dev/poll.ts';
import { holdSocket } from '../../lib/dev/held-socket.ts';
import { findFreePort, isPortFree } from '../../lib/dev/port.ts';

/** One of the servers that are compared. */
export interface Target {
  readonly name: TargetName;
  readonly port: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/**
 * - `visapi`: the door as it is run, with its journal and relay
 * - `fastify`: Fastify alone, which keeps nothing
 * - `publish`: Fastify that waits for the broker's confirmation of each body
 * - `socket`: answers without reading: the load generator's own limit
 */
export const TARGETS = ['visapi', 'fastify', 'publish', 'socket'] as const;

export type TargetName = (typeof TARGETS)[number];

const READY_MS = 30_000;
/** Longer than a stop that drains may take. */
const STOP_MS = 20_000;

export interface TargetOptions {
  readonly name: TargetName;
  /** Of node: its flags, the file seen from the project's root, its arguments; the port is put in place of `PORT`. */
  readonly command: readonly string[];
  readonly env?: (port: number, number: number) => NodeJS.ProcessEnv;
  readonly folder: string;
  /** How many of it share the port, by a socket that they are given. (Default: one, which listens itself) */
  readonly processes?: number;
  /** (Default: it is ready when its port is taken) */
  readonly isReady?: () => Promise<boolean>;
}

/** What stands for the port in a target's command. */
export const PORT = '<port>';

/** Starts a server and waits until it is ready. */
export async function startTarget(options: TargetOptions): Promise<Target> {
  const { name, folder, env, processes } = options;
  const port = await findFreePort();
  const logFile = join(folder, `${name}.log`);
  const held = processes === undefined ? undefined : await holdSocket('127.0.0.1', port);
  // A file, as where a program's output is kept: what the door writes about each request is part of what is measured.
  const log = openSync(logFile, 'a');
  const children = Array.from({ length: processes ?? 1 }, (_, number) =>
    spawnServer({
      command: process.execPath,
      args: options.command.map((word) => (word === PORT ? String(port) : word)),
      cwd: projectRoot,
      env: { ...env?.(port, number), ...(held === undefined ? {} : { LISTEN_FDS: '1' }) },
      stdio: ['ignore', log, log, ...(held === undefined ? [] : [held.fd])],
    }),
  );
  closeSync(log);
  const stop = async () => {
    await Promise.all(children.map((child) => stopChild(child, 'SIGTERM', STOP_MS)));
    held?.close();
  };
  const isReady = options.isReady ?? (async () => !(await isPortFree(port)));
  try {
    await poll(
      async () => {
        const ended = children.find(({ exitCode }) => exitCode !== null);
        if (ended !== undefined) throw new Error(`${name} ended with ${ended.exitCode}, see ${logFile}`);
        return (await isReady()) ? true : undefined;
      },
      { deadlineMs: READY_MS, what: `${name} (see ${logFile})` },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, port, pids: children.map(({ pid }) => pid ?? 0), stop };
}
