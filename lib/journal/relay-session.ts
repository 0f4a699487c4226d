import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/app-error.ts';
import { HEADERS } from '../core/headers.ts';
import type { PublishAck } from '../actor/broker-port.ts';
import { failPoint } from './fail-point.ts';
import type { Journal, JournalRecord } from './journal.ts';
import { journalHeader, type RelayLog } from './relay-log.ts';
import type { RelayPace } from './relay-pace.ts';

/** Handed to the log at once, at most: several open batches' worth, and far below the publisher's own bounds. */
export interface RelayWindow {
  readonly records: number;
  readonly bytes: number;
}

export interface RelaySessionOptions {
  readonly journal: Pick<Journal, 'id' | 'read'>;
  readonly log: Pick<RelayLog, 'publish' | 'lastSeq'>;
  readonly clock: Clock;
  readonly pace: RelayPace;
  readonly window: RelayWindow;
  /** Everything that the log held when the session began is known: no record of this session lies at or below it. */
  readonly logSeq: number;
  /** Not to be sent: confirmed already, or set aside. */
  readonly isDone: (number: number) => boolean;
  readonly onConfirmed: (record: JournalRecord, ack: PublishAck) => void;
  readonly onRefused: (record: JournalRecord, error: AppError) => void;
}

interface Flight {
  readonly record: JournalRecord;
  readonly startedAt: number;
  /** The highest sequence that the log had confirmed when this one was first sent: it lies above, if it lies anywhere. */
  readonly above: number;
}

/** Half the broker's duplicate window of two minutes: the other half is for the broker's clock, and for a slow read-back. */
export const DOUBT_MS = 60_000;
const DOUBT_CHECK_MS = 1_000;
/** Where the pace is the limit: long enough that a group commit is worth it, short beside what a backlog takes. */
const PACE_TICK_MS = 20;
/** Records read ahead at once: with bodies of 1 MiB, 32 MiB. */
const READ_AHEAD = 32;

/**
 * One stretch of relaying, from an opening of the log to the first doubt. It hands the journal's records to the log in
 * their order, and ends when the fate of one cannot be told any more: the connection broke, the log did not answer in a
 * minute, or the log is gone. Whoever owns it then reads the log back before the next session.
 *
 * 1. Within a session each record is handed over once. Tries under the same id are the publisher's.
 * 2. After the end nothing is sent: the signal of everything that is under way has been aborted.
 * 3. What the log refuses for good is told and left where it is; the others go on, also those of its key.
 */
export class RelaySession {
  readonly #options: RelaySessionOptions;
  readonly #flights = new Map<number, Flight>();
  readonly #controller = new AbortController();
  readonly #end = Promise.withResolvers<string>();
  #ahead: JournalRecord[] = [];
  #cursor = 0;
  #unsettled = 0;
  #bytes = 0;
  #highest: number;
  #cancelTick: (() => void) | undefined;
  #cancelCheck: () => void;
  #onIdle: (() => void) | undefined;

  constructor(options: RelaySessionOptions) {
    this.#options = options;
    this.#highest = options.logSeq;
    this.#cancelCheck = this.#checkLater();
  }

  /** Resolves with the reason when the session is over and nothing of it is under way. */
  get ended(): Promise<string> {
    return this.#end.promise;
  }

  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  get inFlight(): number {
    return this.#unsettled;
  }

  /** Whether the fate of some is not known. */
  get isInDoubt(): boolean {
    return this.#flights.size > 0;
  }

  /** No unconfirmed record lies at or below this sequence of the log. */
  get readBackFrom(): number {
    for (const { above } of this.#flights.values()) return above;
    return this.#highest;
  }

  /** The oldest that is not confirmed, as far as was read. */
  get oldest(): JournalRecord | undefined {
    for (const { record } of this.#flights.values()) return record;
    return this.#ahead[0];
  }

  isUnconfirmed(number: number): boolean {
    return number > this.#cursor || this.#flights.has(number) || this.#ahead.some((record) => record.number === number);
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (this.isOver || this.#cancelTick !== undefined) return;
    const { pace, window } = this.#options;
    let tokens = pace.available();
    for (let record = this.#peek(); record !== undefined; record = this.#peek()) {
      const size = record.emit.body.byteLength;
      if (this.#unsettled >= window.records || (this.#unsettled > 0 && this.#bytes + size > window.bytes)) return;
      if (tokens < 1) {
        this.#cancelTick = this.#options.clock.after(PACE_TICK_MS, () => {
          this.#cancelTick = undefined;
          this.pump();
        });
        return;
      }
      tokens -= 1;
      pace.take(1);
      this.#ahead.shift();
      void this.#relay(record);
      if (this.isOver) return;
    }
    if (this.#unsettled === 0) this.#onIdle?.();
  }

  end(because: string): void {
    if (this.isOver) return;
    this.#cancelTick?.();
    this.#cancelCheck();
    this.#controller.abort(new AppError('broker_unavailable', because));
    if (this.#unsettled === 0) this.#end.resolve(because);
  }

  /** Resolves when everything that lies in the journal is confirmed or set aside. */
  async drained(): Promise<void> {
    if (this.#unsettled === 0 && this.#peek() === undefined) return;
    await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  #peek(): JournalRecord | undefined {
    const { journal, isDone } = this.#options;
    while (this.#ahead.length === 0) {
      const found = journal.read(this.#cursor, READ_AHEAD);
      this.#cursor = found.at(-1)?.number ?? this.#cursor;
      this.#ahead = found.filter(({ number }) => !isDone(number));
      if (found.length < READ_AHEAD) break;
    }
    return this.#ahead[0];
  }

  async #relay(record: JournalRecord): Promise<void> {
    const { journal, log, clock, onConfirmed } = this.#options;
    const { number, emit } = record;
    this.#flights.set(number, { record, startedAt: clock.monotonic(), above: this.#highest });
    this.#unsettled += 1;
    this.#bytes += emit.body.byteLength;
    try {
      failPoint('relay.before-publish');
      const headers = { ...emit.headers, [HEADERS.journal]: journalHeader(journal.id, number) };
      const ack = await log.publish({ ...emit, headers }, this.#controller.signal);
      failPoint('relay.confirmed');
      this.#highest = Math.max(this.#highest, ack.seq);
      this.#flights.delete(number);
      onConfirmed(record, ack);
    } catch (error) {
      await this.#fail(record, error);
    } finally {
      this.#unsettled -= 1;
      this.#bytes -= emit.body.byteLength;
      if (!this.isOver) this.pump();
      else if (this.#unsettled === 0) this.#end.resolve(String(this.#controller.signal.reason));
    }
  }

  /** A refusal counts where the log is there: "no stream takes it" is a log that is gone, and refuses everything. */
  async #fail(record: JournalRecord, error: unknown): Promise<void> {
    const isRefusal = error instanceof AppError && (error.code === 'too_large' || error.code === 'broker_refused');
    if (!isRefusal) return this.end(error instanceof Error ? error.message : String(error));
    try {
      await this.#options.log.lastSeq(this.#controller.signal);
    } catch (absence) {
      return this.end(absence instanceof Error ? absence.message : String(absence));
    }
    if (this.isOver) return;
    this.#flights.delete(record.number);
    this.#options.onRefused(record, error);
  }

  #checkLater(): () => void {
    return this.#options.clock.after(DOUBT_CHECK_MS, () => {
      for (const { startedAt } of this.#flights.values()) {
        if (this.#options.clock.monotonic() - startedAt > DOUBT_MS) return this.end(`no confirmation within ${DOUBT_MS} ms`);
        break;
      }
      this.#cancelCheck = this.#checkLater();
    });
  }
}
