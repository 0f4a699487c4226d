import type { BrokerConfig } from '../config/common.ts';
import { AppError } from '../core/app-error.ts';
import { checkBroker } from './broker-check.ts';
import { type BrokerConnection, connectBroker } from './connection.ts';

/**
 * - `safe`: connected, and it keeps what it confirms
 * - `unsafe`: connected, and nothing may be trusted to it
 * - `away`: not connected, or not looked at yet
 */
export type BrokerState = { readonly kind: 'safe' } | { readonly kind: 'unsafe' | 'away'; readonly because: string };

/**
 * A program's broker that may be away, from the first moment on: it is knocked at until it answers, and looked at each time
 * that it is reached, because the one that comes back may be another one.
 */
export interface BrokerLink {
  readonly state: BrokerState;
  /** Undefined until it is reached for the first time; then always the same one, which comes back by itself. */
  readonly connection: BrokerConnection | undefined;
  /** Calls back at every change of `state`, and when the connection is there; returns the function that stops it. */
  onChange(listener: () => void): () => void;
  /** Bounded; may be called twice. */
  close(): Promise<void>;
}

/** The subset of a program's log that is written to here. */
interface LinkLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** Enough for a broker that starts beside us; a program that can work without one does not wait longer. */
const FIRST_TRY_MS = 1_000;
/** An unsafe broker is looked at again this often: its monitoring may only have been slow. */
const CHECK_AGAIN_MS = 1_000;

/**
 * Tries for a second, then goes on trying in the background.
 * @throws AppError `unsafe_broker` when the broker answers within that second and is not safe
 */
export async function openBrokerLink(config: BrokerConfig, name: string, log: LinkLog): Promise<BrokerLink> {
  const { natsUrl, natsUser, natsPassword, natsMonitorUrl, allowUnsafeBroker } = config;
  const listeners = new Set<() => void>();
  let connection: BrokerConnection | undefined;
  let state: BrokerState = { kind: 'away', because: 'not reached yet' };
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  /** Counts losses and returns: what was found out about an earlier connection does not count. */
  let generation = 0;

  function change(next: BrokerState): void {
    const isNews = next.kind !== state.kind || ('because' in next && 'because' in state && next.because !== state.because);
    state = next;
    if (!isNews || isClosed) return;
    if (next.kind === 'safe') log.info({}, 'the broker is there');
    else if (next.kind === 'away') log.warn({ because: next.because }, 'the broker is away');
    else log.error({ because: next.because }, 'the broker is not safe: nothing is sent to it');
    const heard = [...listeners];
    for (const listener of heard) listener();
  }

  function connect(): Promise<BrokerConnection> {
    return connectBroker({
      url: natsUrl.reveal(),
      name,
      firstConnectMs: FIRST_TRY_MS,
      ...(natsUser === undefined ? {} : { user: natsUser }),
      ...(natsPassword === undefined ? {} : { password: natsPassword.reveal() }),
    });
  }

  async function knock(): Promise<void> {
    try {
      const opened = await connect();
      if (isClosed) return await opened.close();
      connection = opened;
      opened.onChange((isConnected) => {
        generation += 1;
        clearTimeout(timer);
        if (isConnected) void look(opened);
        else change({ kind: 'away', because: 'the connection was lost' });
      });
      await look(opened);
    } catch (error) {
      if (isClosed) return;
      change({ kind: 'away', because: error instanceof Error ? error.message : String(error) });
      timer = setTimeout(() => void knock(), FIRST_TRY_MS);
    }
  }

  async function look(opened: BrokerConnection): Promise<void> {
    const mine = generation;
    // Where the answer changes nothing nobody waits for it.
    if (allowUnsafeBroker) change({ kind: 'safe' });
    const { problems } = await checkBroker(opened, { monitorUrl: natsMonitorUrl, allowUnsafe: true });
    if (mine !== generation || isClosed) return;
    if (problems.length === 0) return change({ kind: 'safe' });
    const because = problems.join('; ');
    if (allowUnsafeBroker) return log.warn({ because }, 'the broker is not safe, and is used all the same');
    change({ kind: 'unsafe', because });
    timer = setTimeout(() => void look(opened), CHECK_AGAIN_MS);
  }

  async function close(): Promise<void> {
    isClosed = true;
    clearTimeout(timer);
    await connection?.close();
  }

  await knock();
  if (state.kind === 'unsafe') {
    await close();
    throw new AppError(
      'unsafe_broker',
      `the broker is not safe to run on: ${state.because}. --allow-unsafe-broker runs on it all the same`,
    );
  }
  return {
    get state() {
      return state;
    },
    get connection() {
      return connection;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close,
  };
}
