import type { PublishAck } from '../actor/broker-port.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { AppError } from '../core/app-error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { RelayMetrics } from '../telemetry/door-metrics.ts';
import type { Appended, Journal, JournalRecord } from './journal.ts';
import { createRelayForgetter } from './relay-forgetter.ts';
import type { RelayLog } from './relay-log.ts';
import { createRelayPace } from './relay-pace.ts';
import { readLogBack } from './relay-read-back.ts';
import { RelaySession, type RelayWindow } from './relay-session.ts';

export interface RelayOptions {
  readonly journal: Journal;
  readonly log: RelayLog;
  readonly metrics: RelayMetrics;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** A backlog drains at this rate at most, but never slower than events are accepted. Records per second. */
  readonly maxPerSecond: number;
  /** The share of the time since it was asked last in which the process was at work, 0 to 1. (Default: never at its limit) */
  readonly busyShare?: () => number;
  /** (Default: 4,096 records, 32 MiB) */
  readonly window?: RelayWindow;
  /** (Default: the system's) */
  readonly clock?: Clock;
  /** Lets what was stored be relayed a little later: those who wait for their answers come first. (Default: at once) */
  readonly afterAnswers?: (relay: () => void) => void;
}

/** Moves the journal's records into the log, in their order and each once; see docs/durability.md. */
export interface Relay {
  start(): void;
  /**
   * Whether the log has confirmed it within `timeoutMs`. False at once where the relay is behind, or was within the last second; then the journal’s own
   * fsync is what holds.
   */
  whenConfirmed(appended: Appended, timeoutMs: number): Promise<boolean>;
  status(): RelayStatus;
  /** Relays what is left for at most `timeoutMs`, where the log is open; the rest stays in the journal. May be called twice. */
  stop(timeoutMs: number): Promise<void>;
}

export interface RelayStatus {
  /** Why nothing is sent now; undefined while it works. */
  readonly waitsBecause: string | undefined;
  /** The age of the oldest record that the log has not; 0 where there is none. */
  readonly lagMs: number;
  /** What the log refused for good. It stays in the journal, and is tried again when the process starts the next time. */
  readonly refused: readonly RefusedRecord[];
}

export interface RefusedRecord {
  readonly number: number;
  readonly id: string;
  readonly because: string;
}

/** A quarter of the publisher's own bounds, and enough for all the batches that it has open. */
const DEFAULT_WINDOW: RelayWindow = { records: 4_096, bytes: 32 * 1024 * 1024 };
/** A relay that is this late is behind: whoever waits for it would wait longer. */
const BEHIND_MS = 250;
/** It is behind until it has been in time for this long: one that is late again and again would cost each sender many waits. */
const CALM_MS = 1_000;
/** Between two tries to read the log back. */
const RETRY_MS = 250;
/** Records of the journal, in search of one that waits: with bodies of 1 MiB, 32 MiB. */
const READ_AT_ONCE = 32;

export function createRelay(options: RelayOptions): Relay {
  const { journal, log, metrics, logger, maxPerSecond, window = DEFAULT_WINDOW, clock = systemClock, afterAnswers } = options;
  const refused = new Map<number, RefusedRecord>();
  const waiters = new Map<number, Set<(isConfirmed: boolean) => void>>();
  const stopping = new AbortController();
  let session: RelaySession | undefined;
  let waitsBecause: string | undefined = 'not started';
  /** When it was seen late last, by the monotonic clock. */
  let lateAt = -Infinity;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let readBackFrom = journal.status().confirmedLogSeq;

  const forgetter = createRelayForgetter({
    journal,
    clock,
    readBackFrom: () => session?.readBackFrom ?? readBackFrom,
    onFailed: (error) => logger.error({ err: error }, 'the journal could not forget what the log has confirmed; tried again'),
  });
  const pace = createRelayPace({
    maxPerSecond,
    now: () => clock.monotonic(),
    lastNumber: () => journal.status().lastNumber,
    ...(options.busyShare === undefined ? {} : { busyShare: options.busyShare }),
  });
  const isDone = (number: number): boolean => refused.has(number) || forgetter.isPending(number);

  function onConfirmed(record: JournalRecord, ack: PublishAck): void {
    forgetter.add(record.number);
    metrics.relayed.inc({ outcome: ack.duplicate ? 'duplicate' : 'stored' });
    const delayMs = Math.max(0, clock.now() - record.acceptedAt);
    if (delayMs > BEHIND_MS) lateAt = clock.monotonic();
    metrics.delaySeconds.observe(delayMs / 1_000);
    announce(record.number, true);
  }

  function onRefused({ number, emit }: JournalRecord, error: AppError): void {
    refused.set(number, { number, id: emit.id, because: error.message });
    announce(number, false);
    metrics.relayed.inc({ outcome: error.code });
    logger.error({ eventId: emit.id, err: error }, 'the log refuses an event for good; it stays in the journal, and others go on');
  }

  function announce(number: number, isConfirmed: boolean): void {
    const waiting = waiters.get(number);
    if (waiting === undefined) return;
    waiters.delete(number);
    for (const settle of waiting) settle(isConfirmed);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (!log.isOpen()) await closedOrStopped();
      else await relayUntilDoubt();
    }
  }

  async function closedOrStopped(): Promise<void> {
    waitsBecause = 'the log is closed';
    await new Promise<void>((resolve) => {
      const end = (): void => {
        stopListening();
        stopping.signal.removeEventListener('abort', end);
        resolve();
      };
      const stopListening = log.onChange(end);
      stopping.signal.addEventListener('abort', end, { once: true });
      if (stopping.signal.aborted || log.isOpen()) end();
    });
  }

  async function relayUntilDoubt(): Promise<void> {
    const closing = new AbortController();
    const stopListening = log.onChange(() => {
      if (log.isOpen()) return;
      closing.abort(new Error('the log was closed'));
      session?.end('the log was closed');
    });
    try {
      const logSeq = await settleDoubts(AbortSignal.any([closing.signal, stopping.signal]));
      if (closing.signal.aborted || stopping.signal.aborted) return;
      session = new RelaySession({ journal, log, clock, pace, window, logSeq, isDone, onConfirmed, onRefused });
      waitsBecause = undefined;
      session.pump();
      const because = await session.ended;
      if (!stopping.signal.aborted) logger.warn({ because }, 'the relay stops until it has read the log back');
    } catch (error) {
      waitsBecause = error instanceof Error ? error.message : String(error);
      await pause(AbortSignal.any([closing.signal, stopping.signal]));
    } finally {
      stopListening();
      await forgetter.flush();
    }
  }

  /** Tells the fate of all that may have been sent, and gives back what the log's last sequence was before anything is sent. */
  async function settleDoubts(signal: AbortSignal): Promise<number> {
    waitsBecause = 'the log is read back';
    const after = session?.readBackFrom ?? readBackFrom;
    const { logSeq, found, isRestored } = await readLogBack({ journal, log, after, signal });
    metrics.readBacks.inc();
    metrics.relayed.inc({ outcome: 'found' }, found.length);
    for (const number of found) announce(number, true);
    if (isRestored)
      logger.warn({ seq: logSeq, from: after }, 'the log is shorter than what it had confirmed; it was restored or made anew');
    if (found.length > 0) logger.info({ count: found.length, from: after + 1 }, 'the log had these already');
    readBackFrom = logSeq;
    session = undefined;
    return logSeq;
  }

  async function pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(RETRY_MS, resolve);
      signal.addEventListener(
        'abort',
        () => {
          cancel();
          resolve();
        },
        { once: true },
      );
    });
  }

  function oldestAcceptedAt(): number | undefined {
    const known = waitsBecause === undefined ? session?.oldest : undefined;
    if (known !== undefined) return known.acceptedAt;
    for (let after = 0; ;) {
      const found = journal.read(after, READ_AT_ONCE);
      const oldest = found.find(({ number }) => !isDone(number));
      if (oldest !== undefined || found.length < READ_AT_ONCE) return oldest?.acceptedAt;
      after = found.at(-1)!.number;
    }
  }

  function isBehind(): boolean {
    const oldest = session?.oldest;
    const isLate = waitsBecause !== undefined || (oldest !== undefined && clock.now() - oldest.acceptedAt > BEHIND_MS);
    if (isLate) lateAt = clock.monotonic();
    return isLate || clock.monotonic() - lateAt < CALM_MS;
  }

  function isLeft(number: number, duplicate: boolean): boolean {
    if (forgetter.isPending(number) || session?.isUnconfirmed(number) === false) return false;
    // A duplicate's first may be long gone, below where this session began to read.
    return !duplicate || journal.read(number - 1, 1)[0]?.number === number;
  }

  let isAppendedTold = false;
  function onAppended(): void {
    if (afterAnswers === undefined) return session?.pump();
    if (isAppendedTold) return;
    isAppendedTold = true;
    afterAnswers(() => {
      isAppendedTold = false;
      session?.pump();
    });
  }

  let stopListening = (): void => undefined;
  metrics.observe({
    lagSeconds: () => {
      const acceptedAt = oldestAcceptedAt();
      return acceptedAt === undefined ? 0 : Math.max(0, clock.now() - acceptedAt) / 1_000;
    },
    inFlight: () => session?.inFlight ?? 0,
    refused: () => refused.size,
  });

  return {
    start() {
      if (running !== undefined || stopped !== undefined) return;
      stopListening = journal.onAppended(onAppended);
      running = run();
    },
    async whenConfirmed({ number, duplicate }, timeoutMs) {
      // What the log refused for good it will not confirm.
      if (refused.has(number)) return false;
      if (!isLeft(number, duplicate)) return true;
      if (isBehind()) return false;
      return await new Promise<boolean>((resolve) => {
        const settle = (isConfirmed: boolean): void => {
          cancel();
          waiting.delete(settle);
          if (waiting.size === 0 && waiters.get(number) === waiting) waiters.delete(number);
          resolve(isConfirmed);
        };
        const cancel = clock.after(timeoutMs, () => {
          lateAt = clock.monotonic();
          settle(false);
        });
        const waiting = waiters.get(number) ?? new Set();
        waiters.set(number, waiting.add(settle));
      });
    },
    status() {
      const acceptedAt = oldestAcceptedAt();
      const lagMs = acceptedAt === undefined ? 0 : Math.max(0, clock.now() - acceptedAt);
      return { waitsBecause, lagMs, refused: [...refused.values()] };
    },
    stop(timeoutMs) {
      stopped ??= (async () => {
        stopListening();
        let cancel = (): void => undefined;
        const isTimeUp = new Promise<void>((resolve) => (cancel = clock.after(timeoutMs, resolve)));
        if (waitsBecause === undefined && session !== undefined) await Promise.race([session.drained(), session.ended, isTimeUp]);
        stopping.abort(new Error('the relay was stopped'));
        session?.end('the relay was stopped');
        waitsBecause = 'stopped';
        const rest = (async () => {
          await running;
          await forgetter.flush();
        })();
        await Promise.race([rest, isTimeUp]);
        forgetter.stop();
        cancel();
      })();
      return stopped;
    },
  };
}
