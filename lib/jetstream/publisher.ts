import { createInbox, type Msg } from '@nats-io/transport-node';
import type { PublishAck } from '../actor/broker-port.ts';
import type { Emit } from '../actor/message.ts';
import { AppError } from '../core/app-error.ts';
import { onAbort } from './abort-listeners.ts';
import { requestApi } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import { createEntry, type PublishEntry } from './publish-entry.ts';
import { StreamWindow, type WindowTransport } from './stream-window.ts';

export interface PublisherOptions {
  /** Unsettled messages at most. (Default: 20 000: more than a minute of a broker that is only slow) */
  readonly maxMessages?: number;
  /** Their bytes at most. (Default: 64 MiB) */
  readonly maxBytes?: number;
  /**
   * What was sent first longer ago than this and is not confirmed is rejected instead of sent again, with everything that
   * waits, so that its owner can find out first whether the log has it. Less than the broker's duplicate window. (Default: never)
   */
  readonly doubtMs?: number;
  /** The broker takes nothing for now, and what it says: a stream that is full, say. Told every ten seconds at most. (Default: nobody is told) */
  readonly onHeldUp?: (because: string) => void;
}

/**
 * Publishes into the log and confirms every message. One reply inbox for all answers, one window per stream.
 *
 * Order: two messages of one key into one stream are never unconfirmed at once, but in one atomic batch; so a lost answer
 * or a retry cannot reorder a key. Which stream a subject belongs to is told by its first token.
 */
export interface Publisher {
  /**
   * Resolves when the log has confirmed the message. An unknown fate is tried again under the same id until it is known
   * or `signal` aborts; then it may be stored or not, and publishing it again under the same id is safe within the
   * broker's duplicate window.
   * @throws AppError `broker_unavailable`: not confirmed before `signal` aborted, or stopped; `overloaded`: too much waits
   *   (not sent); `too_large`, `broker_refused`: it will never be taken
   */
  publish(emit: Emit, signal: AbortSignal): Promise<PublishAck>;
  /** Waits until everything is settled; false when `timeoutMs` passed first. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Takes nothing more, waits up to `timeoutMs` for what is under way, rejects the rest. May be called twice. */
  stop(timeoutMs: number): Promise<void>;
  /** Messages not settled, for a gauge. */
  readonly unsettled: number;
}

/** Often enough for who looks for the cause, and no flood: a window asks again four times a second. */
const TOLD_EVERY_MS = 10_000;

/** How often deadlines are looked at: a tenth of the shortest. */
const TICK_MS = 100;

/** Starts to listen for answers on the connection; `stop` ends it. */
export function createPublisher(connection: BrokerConnection, options: PublisherOptions = {}): Publisher {
  const { maxMessages = 20_000, maxBytes = 64 * 1024 * 1024, doubtMs = Infinity, onHeldUp } = options;
  const { nats } = connection;
  const inbox = createInbox();
  const windows = new Map<string, StreamWindow>();
  const owners = new Map<string, StreamWindow>();
  const idle = new Set<() => void>();
  let lastToken = 0;
  let unsettled = 0;
  let unsettledBytes = 0;
  let isStopped = false;
  let maxPayloadBytes = Infinity;
  let toldAt = -Infinity;

  const answers = nats.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error === null) onAnswer(message);
    },
  });
  const stopListening = connection.onChange((connected) => {
    for (const window of windows.values()) {
      if (connected) window.pump();
      else window.disconnect();
    }
    if (nats.isClosed()) closeAll(new AppError('broker_unavailable', 'the connection to the broker was closed'));
  });
  const ticker = setInterval(() => {
    const now = performance.now();
    for (const window of windows.values()) window.expire(now);
  }, TICK_MS);

  function onAnswer(message: Msg): void {
    const token = message.subject.slice(inbox.length + 1);
    owners.get(token)?.onAnswer(token, message);
  }

  const transport: WindowTransport = {
    send(entry, headers, token) {
      try {
        nats.publish(entry.subject, entry.body, token === undefined ? { headers } : { headers, reply: `${inbox}.${token}` });
        return undefined;
      } catch (error) {
        // While the connection closes, the close settles everything.
        return nats.isClosed() ? undefined : String(error);
      }
    },
    isConnected: () => connection.isConnected(),
    roundTrip: () => nats.flush(),
    batchId: (token) => `${inbox.slice(inbox.lastIndexOf('.') + 1)}.${token}`,
    nextToken(window) {
      const token = (lastToken += 1).toString(36);
      owners.set(token, window);
      return token;
    },
    heldUp(because) {
      const now = performance.now();
      if (onHeldUp === undefined || now - toldAt < TOLD_EVERY_MS) return;
      toldAt = now;
      onHeldUp(because);
    },
    forget: (token) => void owners.delete(token),
    async isSubjectTaken(subject) {
      try {
        const names = await requestApi<{ total: number }>(connection, '$JS.API.STREAM.NAMES', { subject });
        return names.total > 0;
      } catch {
        return undefined;
      }
    },
  };

  function windowOf(subject: string): StreamWindow {
    const dot = subject.indexOf('.');
    const root = dot < 0 ? subject : subject.slice(0, dot);
    let window = windows.get(root);
    if (window === undefined) windows.set(root, (window = new StreamWindow(transport, doubtMs)));
    return window;
  }

  function closeAll(error: AppError): void {
    isStopped = true;
    for (const window of windows.values()) window.close(error);
  }

  function settled(bytes: number): void {
    unsettled -= 1;
    unsettledBytes -= bytes;
    if (unsettled > 0) return;
    for (const resolve of idle) resolve();
  }

  function flush(timeoutMs: number): Promise<boolean> {
    if (unsettled === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        idle.delete(end);
        resolve(unsettled === 0);
      };
      const timer = setTimeout(end, timeoutMs);
      idle.add(end);
    });
  }

  return {
    get unsettled() {
      return unsettled;
    },
    flush,
    async publish(emit, signal) {
      if (isStopped) throw new AppError('broker_unavailable', 'the publisher has stopped');
      if (signal.aborted) throw abortError('not sent', signal);
      // Unknown while the client is between two connections.
      maxPayloadBytes = nats.info?.max_payload ?? maxPayloadBytes;
      const { promise, resolve, reject } = Promise.withResolvers<PublishAck>();
      const entry: PublishEntry = createEntry(emit, maxPayloadBytes, (result) => {
        // An abandoned message was settled when its caller gave up.
        if (entry.abandoned) return;
        stopWaiting();
        settled(entry.bytes);
        if (result instanceof AppError) reject(result);
        else resolve(result);
      });
      if (unsettled >= maxMessages || (unsettled > 0 && unsettledBytes + entry.bytes > maxBytes))
        throw new AppError(
          'overloaded',
          `expected at most ${maxMessages} messages and ${maxBytes} bytes to wait, got ${unsettled} and ${unsettledBytes}`,
          { retryAfterSeconds: 1 },
        );
      const window = windowOf(emit.subject);
      unsettled += 1;
      unsettledBytes += entry.bytes;
      const stopWaiting = onAbort(signal, () => {
        settled(entry.bytes);
        reject(abortError(entry.tries === 0 ? 'not sent' : `sent ${entry.tries} times, last answer: ${entry.lastAnswer}`, signal));
        window.abandon(entry);
      });
      window.add(entry);
      return promise;
    },
    async stop(timeoutMs) {
      isStopped = true;
      await flush(timeoutMs);
      clearInterval(ticker);
      stopListening();
      closeAll(new AppError('broker_unavailable', `not confirmed before the publisher stopped`));
      if (!nats.isClosed()) answers.unsubscribe();
    },
  };
}

function abortError(what: string, signal: AbortSignal): AppError {
  return new AppError('broker_unavailable', `expected the log's confirmation in time, got none (${what})`, { cause: signal.reason });
}
