import { setMaxListeners } from 'node:events';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { AppError } from '../core/app-error.ts';

export interface BrokerAddress {
  /** `nats://[user:password@]host:port`, several separated by commas. */
  readonly url: string;
  /** Overrides what the URL carries. */
  readonly user?: string;
  readonly password?: string;
}

export interface ConnectOptions extends BrokerAddress {
  /** What the broker's operator sees as the connection's name. */
  readonly name: string;
  /** How long to try before the first connection, milliseconds. (Default: 10 000: a broker with much to recover is up by then) */
  readonly firstConnectMs?: number;
}

/**
 * One connection to the broker, which comes back by itself for as long as the process lives. The rooms around it need to
 * know at once when it breaks, because what was in flight then is lost in silence.
 */
export interface BrokerConnection {
  readonly nats: NatsConnection;
  isConnected(): boolean;
  /** Calls back at each loss (false) and each return (true); returns the function that stops it. */
  onChange(listener: (connected: boolean) => void): () => void;
  /** Resolves when connected; @throws AppError `broker_unavailable` after `timeoutMs`, or when it was closed */
  whenConnected(timeoutMs: number): Promise<void>;
  /** Closes for good; bounded, may be called twice. */
  close(): Promise<void>;
}

/** Two missed pings of 1 s: a frozen broker is noticed before the 3 s lease of a lane runs out. */
const PING_INTERVAL_MS = 1_000;
const MAX_PINGS_OUT = 2;
/** Wait between attempts to come back, with jitter so that not all programs knock at once. */
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 250;

/** @throws AppError `broker_unavailable` when there is no first connection in time, or the log-in is refused */
export async function connectBroker(options: ConnectOptions): Promise<BrokerConnection> {
  const firstConnectMs = options.firstConnectMs ?? 10_000;
  const until = performance.now() + firstConnectMs;
  const connectOptions = natsOptions(options);
  for (;;) {
    try {
      return watch(await connect({ ...connectOptions, timeout: Math.max(100, until - performance.now()) }));
    } catch (error) {
      const isRefused = error instanceof Error && error.name === 'AuthorizationError';
      if (isRefused || performance.now() + RECONNECT_MAX_MS >= until) {
        const servers = connectOptions.servers.join(', ');
        const what = isRefused
          ? `the broker at ${servers} refused the log-in`
          : `expected a broker at ${servers} within ${firstConnectMs} ms`;
        throw new AppError('broker_unavailable', what, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MAX_MS));
    }
  }
}

function natsOptions(options: ConnectOptions): NodeConnectionOptions & { servers: string[] } {
  const urls = options.url.split(',').map((text) => parseUrl(text.trim()));
  const first = urls[0];
  const user = options.user ?? decodeURIComponent(first?.username ?? '');
  const pass = options.password ?? decodeURIComponent(first?.password ?? '');
  return {
    servers: urls.map((url) => url.host),
    name: options.name,
    ...(user === '' ? {} : { user, pass }),
    ...(first?.protocol === 'tls:' ? { tls: {} } : {}),
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    // A stack per request would cost more than the request.
    noAsyncTraces: true,
    // A rotated password is tried again instead of ending the process.
    ignoreAuthErrorAbort: true,
  };
}

function parseUrl(text: string): URL {
  try {
    return new URL(text.includes('://') ? text : `nats://${text}`);
  } catch {
    // The text may hold a password: it is not repeated.
    throw new AppError('invalid_config', 'broker URL: expected nats://[user:password@]host:port, got something else');
  }
}

function watch(nats: NatsConnection): BrokerConnection {
  const listeners = new Set<(connected: boolean) => void>();
  const closed = new AbortController();
  setMaxListeners(0, closed.signal);
  let connected = true;

  function change(now: boolean): void {
    if (connected === now) return;
    connected = now;
    // One that is added by another hears of the next change.
    const heard = [...listeners];
    for (const listener of heard) listener(now);
  }

  void (async () => {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection') change(false);
      else if (status.type === 'reconnect') change(true);
    }
  })();
  void nats.closed().then(() => {
    closed.abort();
    change(false);
  });

  return {
    nats,
    isConnected: () => connected && !nats.isClosed(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    whenConnected(timeoutMs) {
      if (connected && !nats.isClosed()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const end = (error?: Error): void => {
          clearTimeout(timer);
          stopListening();
          closed.signal.removeEventListener('abort', onClosed);
          if (error === undefined) resolve();
          else reject(error);
        };
        const onClosed = (): void => end(new AppError('broker_unavailable', 'the connection to the broker was closed'));
        const timer = setTimeout(() => end(new AppError('broker_unavailable', `expected the broker within ${timeoutMs} ms`)), timeoutMs);
        const stopListening = this.onChange((now) => {
          if (now) end();
        });
        closed.signal.addEventListener('abort', onClosed, { once: true });
        if (closed.signal.aborted) onClosed();
      });
    },
    async close() {
      await nats.close();
    },
  };
}
