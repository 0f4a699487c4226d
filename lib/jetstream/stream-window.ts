import type { Msg } from '@nats-io/transport-node';
import { AppError } from '../core/app-error.ts';
import { readyHeaders } from './header-codec.ts';
import { readAnswer, type PublishAnswer } from './publish-answer.ts';
import type { PublishEntry } from './publish-entry.ts';
import { PublishQueue } from './publish-queue.ts';

/** What a window needs of its publisher. */
export interface WindowTransport {
  /**
   * Sends; the answer comes back through `onAnswer` with the same token. No token: no answer is wanted.
   * Gives back why the client would not send it.
   */
  send(entry: PublishEntry, headers: ReturnType<typeof readyHeaders>, token: string | undefined): string | undefined;
  isConnected(): boolean;
  /** Resolves when the broker has read everything that was sent; rejects when the connection is lost first. */
  roundTrip(): Promise<void>;
  batchId(token: string): string;
  /** The broker takes nothing for now, and says why. */
  heldUp(because: string): void;
  nextToken(window: StreamWindow): string;
  forget(token: string): void;
  /** Whether some stream takes this subject; undefined when nobody says. */
  isSubjectTaken(subject: string): Promise<boolean | undefined>;
}

interface Flight {
  readonly token: string;
  readonly entries: readonly PublishEntry[];
  readonly isBatch: boolean;
  readonly deadline: number;
}

/** Single messages unconfirmed at once: what one fsync after the other keeps busy; more only lengthens the queue. */
const MAX_SINGLES = 16;
/** A batch is staged on disk before it is stored: under 24 messages the singles are faster (5 to 20 ms against 0.2 each). */
const MIN_BATCH = 24;
/** The gain levels off; the broker's limit is 1000. */
const MAX_BATCH = 250;
/** Far below the broker's pending limit for a client, and a slow disk still stages it within the deadline. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** One is staged while the other is stored. */
const MAX_OPEN_BATCHES = 2;
/** An answer that has not come by then is lost, or the broker is ill; doubled per try so that retries do not feed a slow broker. */
const DEADLINE_MS = 1_000;
const MAX_DEADLINE_MS = 8_000;
/** "maximum bytes exceeded" (server/errors.json). */
const STREAM_IS_FULL = '(10077)';
/** Wait after the broker said that it cannot take more. */
const MIN_PAUSE_MS = 25;
const MAX_PAUSE_MS = 250;
/** A stream is up within this after its server; later "nobody listens" means that there is none, and that is asked for. */
const NO_STREAM_AFTER_MS = 3_000;

/**
 * The window of one stream: what waits, what is unconfirmed. Owns the order of one stream's keys, the choice between
 * singles and batches, deadlines and retries. Does not own the connection, nor the bounds of what may wait.
 *
 * 1. A key with an unconfirmed message sends nothing (see `PublishQueue`).
 * 2. A message whose fate is not known is sent again under the same id, before anything newer of its key.
 * 3. A message settles exactly once.
 */
export class StreamWindow {
  readonly #queue = new PublishQueue<PublishEntry>();
  readonly #flights = new Map<string, Flight>();
  readonly #transport: WindowTransport;
  #singles = 0;
  #batches = 0;
  #takesBatches = true;
  #pauseMs = 0;
  #pause: NodeJS.Timeout | undefined;
  #nobodySince: number | undefined;
  #isAsking = false;
  #isSounding = false;
  #isPumpDue = false;

  readonly #doubtMs: number;

  /** @param doubtMs see `PublisherOptions.doubtMs` */
  constructor(transport: WindowTransport, doubtMs: number) {
    this.#transport = transport;
    this.#doubtMs = doubtMs;
  }

  /** Sent when whoever adds has added all: what comes together travels together. */
  add(entry: PublishEntry): void {
    this.#queue.add(entry);
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  /** The caller gave up. What waits leaves; what is in flight keeps its key until its fate is known. */
  abandon(entry: PublishEntry): void {
    entry.abandoned = true;
    if (this.#queue.remove(entry)) this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    while (this.#pause === undefined && this.#transport.isConnected()) {
      const isUnderPressure = this.#takesBatches && this.#queue.batchable >= MIN_BATCH;
      if (isUnderPressure && this.#batches < MAX_OPEN_BATCHES) {
        this.#sendBatch(this.#queue.takeBatch(MAX_BATCH, MAX_BATCH_BYTES));
      } else if (this.#singles < MAX_SINGLES && (!isUnderPressure || this.#queue.hasAlone())) {
        const entry = this.#queue.takeOne();
        if (entry === undefined) return;
        this.#sendOne(entry);
      } else {
        return;
      }
    }
  }

  onAnswer(token: string, message: Msg): void {
    const flight = this.#land(token);
    if (flight === undefined) return;
    const answer = readAnswer(message);
    if (answer.kind !== 'nobody') this.#nobodySince = undefined;
    if (answer.kind === 'stored') this.#store(flight, answer);
    else if (answer.kind === 'refused' && !flight.isBatch) this.#refuse(flight, answer.because);
    else this.#again(flight, answer);
    this.pump();
  }

  /**
   * What is past its deadline is unknown, and is sent again once the broker is known to read: a second try that lies in the
   * socket of a broker that stands still may be read after the window for duplicates.
   */
  expire(now: number): void {
    const isLate = ({ deadline }: Flight): boolean => deadline <= now;
    for (const flight of this.#flights.values()) if (isLate(flight) && this.#giveUpDoubtful(flight.entries)) this.#land(flight.token);
    if (!this.#isSounding && this.#flights.values().some(isLate)) void this.#sound(isLate);
    this.pump();
  }

  /** The connection broke: answers on their way are lost, the fate of everything in flight is unknown. */
  disconnect(): void {
    for (const flight of this.#flights.values()) {
      this.#land(flight.token);
      this.#putBack(flight, 'the connection was lost');
    }
  }

  /** Rejects all that is not settled. */
  close(error: AppError): void {
    clearTimeout(this.#pause);
    for (const flight of this.#flights.values()) {
      this.#land(flight.token);
      for (const entry of flight.entries) entry.settle(error);
    }
    this.#rejectWaiting(error);
  }

  #sendOne(entry: PublishEntry): void {
    if (this.#giveUpDoubtful([entry])) return;
    this.#singles += 1;
    const token = this.#takeOff([entry], false);
    const because = this.#transport.send(entry, readyHeaders(entry.block), token);
    const flight = because === undefined ? undefined : this.#land(token);
    if (because !== undefined && flight !== undefined) this.#refuse(flight, because);
  }

  #sendBatch(entries: PublishEntry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    if (entries.length === 1) return this.#sendOne(first);
    if (this.#giveUpDoubtful(entries)) return;
    this.#batches += 1;
    const token = this.#takeOff(entries, true);
    // A new id at each try: the broker would take a second first message for a gap in the first batch.
    const id = this.#transport.batchId(token);
    for (const [index, entry] of entries.entries()) {
      const isLast = index === entries.length - 1;
      const batch = `\r\nNats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${index + 1}${isLast ? '\r\nNats-Batch-Commit: 1' : ''}`;
      const because = this.#transport.send(entry, readyHeaders(entry.block + batch), isLast ? token : undefined);
      if (because === undefined) continue;
      // The broker drops the beginning of the batch by itself; one by one it shows which message it is.
      const flight = this.#land(token);
      if (flight !== undefined) this.#again(flight, { kind: 'singly', because });
      return;
    }
  }

  /**
   * What was sent first too long ago is not sent again, whatever kept it so long: also where the whole process stood still
   * and its owner could not say so. With it everything that waits is given back, because a later one must not overtake it.
   */
  #giveUpDoubtful(entries: readonly PublishEntry[]): boolean {
    const now = performance.now();
    if (!entries.some(({ firstSentAt }) => now - firstSentAt > this.#doubtMs)) return false;
    const error = new AppError('broker_unavailable', `expected the log's confirmation within ${this.#doubtMs} ms of the first try`);
    this.#queue.release(entries);
    for (const entry of entries) entry.settle(error);
    this.#rejectWaiting(error);
    return true;
  }

  #takeOff(entries: PublishEntry[], isBatch: boolean): string {
    const token = this.#transport.nextToken(this);
    const now = performance.now();
    let tries = 0;
    for (const entry of entries) {
      entry.tries += 1;
      entry.firstSentAt = Math.min(entry.firstSentAt, now);
      tries = Math.max(tries, entry.tries);
    }
    const deadline = now + Math.min(MAX_DEADLINE_MS, DEADLINE_MS * 2 ** (tries - 1));
    this.#flights.set(token, { token, entries, isBatch, deadline });
    return token;
  }

  #land(token: string): Flight | undefined {
    const flight = this.#flights.get(token);
    if (flight === undefined) return undefined;
    this.#flights.delete(token);
    this.#transport.forget(token);
    if (flight.isBatch) this.#batches -= 1;
    else this.#singles -= 1;
    return flight;
  }

  #store({ entries }: Flight, answer: { seq: number; duplicate: boolean }): void {
    this.#pauseMs = 0;
    this.#queue.release(entries);
    // A batch is stored without gaps, and answered with the sequence of its last message.
    const before = answer.seq - entries.length + 1;
    entries.forEach((entry, index) => entry.settle({ seq: before + index, duplicate: answer.duplicate }));
  }

  #refuse({ entries }: Flight, because: string): void {
    this.#queue.release(entries);
    for (const entry of entries) entry.settle(new AppError('broker_refused', `${entry.subject}: ${because}`));
  }

  #again(flight: Flight, answer: Exclude<PublishAnswer, { kind: 'stored' }>): void {
    if (answer.kind === 'singly' || answer.kind === 'refused') {
      // Not every stream takes batches, and a batch with one stored id is refused whole.
      if (answer.because.endsWith('(10174)')) this.#takesBatches = false;
      else for (const entry of flight.entries) entry.alone = true;
    } else {
      // A batch needs room for all of it; one by one its messages fill what a stream at its limit has left.
      if (flight.isBatch && answer.because.endsWith(STREAM_IS_FULL)) for (const entry of flight.entries) entry.alone = true;
      this.#rest();
      this.#transport.heldUp(answer.because);
    }
    this.#putBack(flight, answer.because);
    if (answer.kind === 'nobody') void this.#askWhetherThereIsAStream(flight.entries[0]?.subject ?? '');
  }

  #putBack(flight: Flight, because: string): void {
    for (const entry of flight.entries) entry.lastAnswer = because;
    this.#queue.putBack(flight.entries.filter((entry) => !entry.abandoned));
    this.#queue.release(flight.entries);
  }

  #rest(): void {
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, this.#pauseMs * 2));
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, this.#pauseMs);
  }

  async #sound(isLate: (flight: Flight) => boolean): Promise<void> {
    this.#isSounding = true;
    try {
      await this.#transport.roundTrip();
    } catch {
      // The connection is lost: `disconnect` puts back what is in flight.
      return;
    } finally {
      this.#isSounding = false;
    }
    for (const flight of this.#flights.values()) {
      if (!isLate(flight)) continue;
      this.#land(flight.token);
      this.#putBack(flight, 'no answer in time');
    }
    this.pump();
  }

  async #askWhetherThereIsAStream(subject: string): Promise<void> {
    const now = performance.now();
    this.#nobodySince ??= now;
    if (now - this.#nobodySince < NO_STREAM_AFTER_MS || this.#isAsking) return;
    this.#isAsking = true;
    const isTaken = await this.#transport.isSubjectTaken(subject);
    this.#isAsking = false;
    if (isTaken === false)
      this.#rejectWaiting(new AppError('broker_refused', `no stream takes ${subject}; expected the streams to be applied`));
  }

  #rejectWaiting(error: AppError): void {
    for (const entry of this.#queue.all()) {
      this.#queue.remove(entry);
      entry.settle(error);
    }
  }
}
