/**
 * Everything on one machine. Owns the order of start and stop, the restarts and the pid files; knows neither streams nor
 * migrations: those come as the `prepare` of what the programs stand on.
 *
 * 1. One supervisor per folder; a second one is told who has it.
 * 2. What a crashed supervisor left is ended before anything is started.
 * 3. Start: broker and database side by side, each with what has to be in it, then the programs in the given order. Stop: programs
 *    in the given order, then the rest.
 * 4. Nothing survives us: children have an IPC channel and a death signal, and their pid files are the last resort.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { keepAlive, type KeepAliveEvents, type Part } from './keep-alive.ts';
import type { LocalHome } from './local-home.ts';
import { claimFolder, endLeftovers, removePidFile, writePidFile } from './pid-file.ts';
import { isPortFree } from './port.ts';
import { answersWell } from './http-answer.ts';
import { poll } from './poll.ts';
import type { LocalProgram } from './program.ts';

/** What the programs stand on: a broker, or a database. */
export interface Ground {
  /** Started side by side; none where it is somewhere else. */
  readonly servers: readonly Part[];
  /** Runs when they are up. */
  readonly prepare: () => Promise<void>;
}

export interface SupervisorOptions {
  readonly home: LocalHome;
  /** Each port that will be listened on, by the variable that sets it. */
  readonly ports: Readonly<Record<string, number>>;
  /** Each begins by itself; called only after the ports are known to be free. */
  readonly grounds: readonly (() => Promise<Ground>)[];
  readonly programs: readonly LocalProgram[];
  readonly say: (line: string) => void;
}

export interface Supervisor {
  /** @throws Error one sentence that says what is in the way; everything that was started is stopped again */
  start(): Promise<void>;
  /** May be called at any time, also during a start, and twice. */
  stop(): Promise<void>;
}

const lockName = 'supervisor';
/** A program needs less than 1 s on two idle cores. */
const readyDeadlineMs = 60_000;
/** The system closes what a killed process had open a moment after it has gone. */
const portFreeMs = 3_000;
/** Whoever is asked has less of the processor to become ready. */
const askReadyMs = 50;

/** Describes the whole; nothing happens before `start`. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { home, programs, say } = options;
  const kept: { readonly name: string; stop(): Promise<void> }[] = [];
  let isStopping = false;
  let hasClaim = false;
  let stopped: Promise<void> | undefined;
  const hopeless = new Map<string, string>();

  const events: KeepAliveEvents = {
    onDown: (name, waitMs) => say(`${name} is gone, starting it again in ${waitMs} ms`),
    onUp: (name) => say(`${name} is started again`),
    onHopeless: (name, reason) => {
      hopeless.set(name, reason);
      say(`${name}: ${reason}`);
    },
  };

  async function keep(part: Part): Promise<void> {
    const remembered: Part = {
      name: part.name,
      get pid() {
        return part.pid;
      },
      stop: () => part.stop(),
      whenDown: () => part.whenDown(),
      whyHopeless: () => part.whyHopeless?.(),
      async start() {
        await part.start();
        if (part.pid) writePidFile(home.run, part.name, part.pid);
      },
    };
    throwIfStopping();
    const handle = await keepAlive(remembered, events);
    kept.push({ name: part.name, stop: handle.stop });
    throwIfStopping();
  }

  function throwIfStopping(): void {
    if (isStopping) throw new Error('stopped during the start');
  }

  async function lay(open: () => Promise<Ground>): Promise<void> {
    const { servers, prepare } = await open();
    await allOrFirstError(servers.map(keep));
    await prepare();
    throwIfStopping();
  }

  async function waitUntilReady(program: LocalProgram): Promise<void> {
    const what = `${program.name} to be ready (see ${program.logFile})`;
    const answer = await poll(
      async () => {
        if (isStopping || hopeless.has(program.name)) return 'over';
        return (await answersWell(program.readyUrl, 2_000)) ? 'ready' : undefined;
      },
      { deadlineMs: readyDeadlineMs, everyMs: askReadyMs, what },
    );
    throwIfStopping();
    if (answer === 'over') throw new Error(`${program.name} does not start: ${hopeless.get(program.name)}`);
  }

  async function stopAll(): Promise<void> {
    isStopping = true;
    const order = programs.map(({ name }) => name);
    const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
    for (const part of kept.splice(0).sort((a, b) => rank(a.name) - rank(b.name))) {
      await part.stop();
      removePidFile(home.run, part.name);
    }
    if (hasClaim) removePidFile(home.run, lockName);
    hasClaim = false;
  }

  return {
    async start() {
      const owner = claimFolder(home.run, lockName);
      if (owner)
        throw new Error(
          `VisAPI already runs here as process ${owner.pid}; this stops it, whatever became of its terminal: kill ${owner.pid}`,
        );
      hasClaim = true;
      // What a crashed run has written is no longer true.
      rmSync(home.ready, { force: true });
      try {
        for (const folder of [home.cache, home.logs, home.natsData]) mkdirSync(folder, { recursive: true });
        const hadLeftovers = await endLeftovers(home.run, lockName, say);
        await checkPorts(options.ports, hadLeftovers ? portFreeMs : 0);
        // What needs nothing loads its code while the others wait for their disks.
        for (const program of programs) if (program.needsNothing) await keep(program);
        await allOrFirstError(options.grounds.map(lay));
        for (const program of programs) if (!program.needsNothing) await keep(program);
        await Promise.all(programs.map(waitUntilReady));
      } catch (error) {
        await stopAll();
        throw error;
      }
    },
    stop: () => (stopped ??= stopAll()),
  };
}

/** Waits for all of them, so that none goes on behind a failure. @throws the first error of the list */
async function allOrFirstError(all: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(all)) if (result.status === 'rejected') throw result.reason;
}

/** @param patienceMs how long a port that is taken may become free */
async function checkPorts(ports: Readonly<Record<string, number>>, patienceMs: number): Promise<void> {
  const taken: string[] = [];
  for (const [variable, port] of Object.entries(ports)) {
    const isFree = async (): Promise<true | undefined> => (await isPortFree(port)) || undefined;
    if (!(await poll(isFree, { deadlineMs: patienceMs, everyMs: askReadyMs, what: variable }).catch(() => false)))
      taken.push(`port ${port} is taken, set ${variable} to another one`);
  }
  if (taken.length > 0) throw new Error(`${taken.join('; ')}.`);
}
