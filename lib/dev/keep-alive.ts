import { setTimeout as sleep } from 'node:timers/promises';

/** Something long-lived that may die: a broker, a database, a program. */
export interface Part {
  readonly name: string;
  readonly pid: number | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when it is gone. */
  whenDown(): Promise<void>;
  /** A reason not to start it again, when starting again cannot help. */
  whyHopeless?(): string | undefined;
}

/** A server as a part, under a name. */
export function partOf(name: string, server: Omit<Part, 'name' | 'whyHopeless'>): Part {
  return {
    name,
    get pid() {
      return server.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    whenDown: () => server.whenDown(),
  };
}

export interface KeepAliveEvents {
  readonly onDown: (name: string, waitMs: number) => void;
  readonly onUp: (name: string) => void;
  readonly onHopeless: (name: string, reason: string) => void;
}

/** At first almost at once, since one kill is no pattern; then slower, so that a crash loop leaves the machine usable. */
const firstWaitMs = 100;
const longestWaitMs = 5_000;
/** What ran this long is healthy again. */
const healthyAfterMs = 10_000;

/** Starts a part and starts it again whenever it dies, until `stop`. @throws what its first start throws */
export async function keepAlive(part: Part, events: KeepAliveEvents): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  await part.start();
  const watching = watch(part, events, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await part.stop();
      await watching;
      // A restart may have been under way when the stop came.
      await part.stop();
    },
  };
}

async function watch(part: Part, events: KeepAliveEvents, stopping: AbortSignal): Promise<void> {
  let waitMs = firstWaitMs;
  let upAt = performance.now();
  for (;;) {
    await part.whenDown();
    if (stopping.aborted) return;
    const hopeless = part.whyHopeless?.();
    if (hopeless) {
      events.onHopeless(part.name, hopeless);
      return;
    }
    waitMs = performance.now() - upAt > healthyAfterMs ? firstWaitMs : waitMs;
    events.onDown(part.name, waitMs);
    await sleep(waitMs, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    waitMs = Math.min(waitMs * 2, longestWaitMs);
    upAt = performance.now();
    const started = await part.start().then(
      () => true,
      () => false,
    );
    if (started) events.onUp(part.name);
  }
}
