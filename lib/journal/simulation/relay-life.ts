import { relayMetrics } from '../../telemetry/door-metrics.ts';
import { createRegistry } from '../../telemetry/metrics.ts';
import type { Journal } from '../journal.ts';
import type { RelayLog } from '../relay-log.ts';
import { createRelay, type Relay } from '../relay.ts';
import type { ManualClock } from '../../core/manual-clock.ts';

export interface RelayLife {
  readonly relay: Relay;
  /** As kill -9: from now on nothing that it does has an effect, and nothing is answered to it. */
  kill(): void;
}

/** Starts a relay in a process that a test may kill. */
export function startRelayLife(journal: Journal, log: RelayLog, clock: ManualClock, maxPerSecond = 5_000): RelayLife {
  const death = new AbortController();
  const isDead = (): boolean => death.signal.aborted;
  const never = new Promise<never>(() => undefined);
  const alive = <Value>(work: () => Promise<Value>): Promise<Value> =>
    isDead()
      ? never
      : work().then(
          ...([(value: Value) => (isDead() ? never : value), (error: unknown) => (isDead() ? never : Promise.reject(error))] as const),
        );
  const relay = createRelay({
    journal: {
      id: journal.id,
      append: (offers) => alive(() => journal.append(offers)),
      read: (after, limit) => (isDead() ? [] : journal.read(after, limit)),
      forget: (confirmed) => alive(() => journal.forget(confirmed)),
      onAppended: (listener) => journal.onAppended(() => void (isDead() || listener())),
      status: () => journal.status(),
      close: () => Promise.resolve(),
    },
    log: {
      isOpen: () => !isDead() && log.isOpen(),
      onChange: (listener) => log.onChange(() => void (isDead() || listener())),
      publish: (emit, signal) => alive(() => log.publish(emit, AbortSignal.any([signal, death.signal]))),
      lastSeq: (signal) => alive(() => log.lastSeq(signal)),
      readBack: (fromSeq, signal) => log.readBack(fromSeq, signal),
    },
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => clock.after(delayMs, () => void (isDead() || callback())),
    },
    metrics: relayMetrics(createRegistry({ program: 'test', version: '0', env: 'development' })),
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    maxPerSecond,
    window: { records: 16, bytes: 1_000_000 },
  });
  relay.start();
  return { relay, kill: () => death.abort(new Error('killed')) };
}
