/**
 * Everything that lives long. The contract:
 * 1. `start` and `stop` may be called in any order, more than once, and at the same time; each does its work once.
 * 2. `stop` before `start` means that it never starts.
 * 3. `stop` is bounded: it resolves in a time that the service states, whatever the outside world does.
 * 4. A `start` that fails has already given back what it had taken.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Makes a service of two functions, keeping points 1, 2 and 4 for them: `start` returns the function that undoes it.
 * A `stop` during `start` waits for it.
 */
export function createService(name: string, start: () => Promise<() => Promise<void>>): Service {
  let starting: Promise<() => Promise<void>> | undefined;
  let stopping: Promise<void> | undefined;
  return {
    name,
    async start() {
      if (stopping !== undefined) return;
      starting ??= start();
      await starting;
    },
    async stop() {
      stopping ??=
        starting === undefined
          ? Promise.resolve()
          : starting.then(
              (undo) => undo(),
              () => undefined,
            );
      await stopping;
    },
  };
}

/**
 * Starts services in order and stops them in reverse. When one fails to start, those before it are stopped and the error
 * is thrown. Every one is stopped even when another fails to; then an `AggregateError` is thrown.
 */
export function inOrder(name: string, services: readonly Service[]): Service {
  async function stopAll(list: readonly Service[]): Promise<void> {
    const errors: unknown[] = [];
    for (const service of list.toReversed()) {
      try {
        await service.stop();
      } catch (error) {
        errors.push(new Error(`${service.name} did not stop`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `${name}: ${errors.length} of ${list.length} services did not stop`);
  }

  return createService(name, async () => {
    const started: Service[] = [];
    try {
      for (const service of services) {
        started.push(service);
        await service.start();
      }
    } catch (error) {
      await stopAll(started).catch(() => undefined);
      throw error;
    }
    return () => stopAll(services);
  });
}
