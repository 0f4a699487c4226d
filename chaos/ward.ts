import { keepAlive, type Part } from '../lib/dev/keep-alive.ts';
import { removePidFile, writePidFile } from '../lib/dev/pid-file.ts';

/** A part of the system that experiments may harm: it is started again whenever it dies, unless it is held down. */
export interface Ward {
  readonly name: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  /** Lives so far. */
  readonly starts: number;
  /** From now on it stays down once it is gone. */
  hold(): void;
  /** It may start again. May be called at any time. */
  release(): void;
  /** Sends a signal; nothing happens where it is down. @returns whether there was somebody to get it */
  signal(signal: NodeJS.Signals): boolean;
  /** Resolves when the life that runs now is over. */
  whenDown(): Promise<void>;
  /** Lets it go on where it stands still, and stops it in order. */
  stop(): Promise<void>;
}

export interface WardOptions {
  /** For pid files, by which a next run finds what this one leaves. */
  readonly runFolder: string;
  readonly say: (line: string) => void;
  /** Called with each new life, before anybody else knows of it. */
  readonly onStarted?: (pid: number) => void;
}

/** Starts a part. @throws what its first start throws */
export async function guard(part: Part, { runFolder, say, onStarted }: WardOptions): Promise<Ward> {
  let gate: PromiseWithResolvers<void> | undefined;
  let isStopping = false;
  let starts = 0;
  const kept = await keepAlive(
    {
      name: part.name,
      get pid() {
        return part.pid;
      },
      async start() {
        await gate?.promise;
        if (isStopping) return;
        await part.start();
        starts += 1;
        const { pid } = part;
        if (pid === undefined) return;
        writePidFile(runFolder, part.name, pid);
        onStarted?.(pid);
      },
      stop: () => part.stop(),
      whenDown: () => part.whenDown(),
      whyHopeless: () => part.whyHopeless?.(),
    },
    { onDown: () => undefined, onUp: () => undefined, onHopeless: (name, reason) => say(`${name}: ${reason}`) },
  );
  const release = (): void => {
    gate?.resolve();
    gate = undefined;
  };
  const signal = (name: NodeJS.Signals): boolean => {
    const { pid } = part;
    try {
      return pid !== undefined && process.kill(pid, name);
    } catch (error) {
      // It has just ended.
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
      throw error;
    }
  };
  return {
    name: part.name,
    get pid() {
      return part.pid;
    },
    get starts() {
      return starts;
    },
    hold: () => void (gate ??= Promise.withResolvers<void>()),
    release,
    signal,
    whenDown: () => part.whenDown(),
    async stop() {
      isStopping = true;
      release();
      signal('SIGCONT');
      await kept.stop();
      removePidFile(runFolder, part.name);
    },
  };
}
