import type { PublishAck } from '../../actor/broker-port.ts';
import type { Emit } from '../../actor/message.ts';
import { AppError } from '../../core/app-error.ts';
import type { Clock } from '../../core/clock.ts';
import { HEADERS } from '../../core/headers.ts';
import type { LoggedEvent, RelayLog } from '../relay-log.ts';

export interface StoredEvent extends LoggedEvent {
  readonly key: string;
}

interface Try {
  readonly emit: Emit;
  readonly resolve: (ack: PublishAck) => void;
  readonly isGone: () => boolean;
}

/** The broker's: beyond it an id that comes again is stored again. */
const DUPLICATE_WINDOW_MS = 120_000;
const RETRY_MS = 1_000;

/**
 * A log with its publisher, in memory, and the faults that a relay has to survive. The publisher's contract is kept: one
 * unconfirmed message per key, tries under the same id until it is confirmed or its signal aborts, a second try only to a
 * broker that has just been heard.
 */
export class SimulatedLog implements RelayLog {
  readonly stored: StoredEvent[] = [];
  /** What must never happen, as sentences. */
  readonly violations: string[] = [];
  /** How often a request, or the answer to it, is lost on its way; 0 to 1. */
  loss = 0;
  readonly refusedIds = new Set<string>();
  readonly #unanswered = new Set<string>();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #window = new Map<string, { readonly seq: number; readonly at: number }>();
  readonly #listeners = new Set<() => void>();
  readonly #lines = new Map<string, Try[]>();
  readonly #sent = new WeakSet<Try>();
  /** What a frozen broker has in its sockets. */
  #buffered: (() => void)[] = [];
  #isOpen = true;
  #isFrozen = false;
  #isThere = true;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Lost or back; what is on its way when it is lost arrives or does not. */
  setOpen(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return;
    this.#isOpen = isOpen;
    // One that is added by another hears of the next change.
    const heard = [...this.#listeners];
    for (const listener of heard) listener();
  }

  /** Nothing is answered; when it goes on, all that has come meanwhile is done. */
  setFrozen(isFrozen: boolean): void {
    this.#isFrozen = isFrozen;
    if (isFrozen) return;
    for (const work of this.#buffered.splice(0)) work();
  }

  /** The answer to the first try of this one is lost. */
  loseAnswerTo(id: string): void {
    this.#unanswered.add(id);
  }

  /** The stream is deleted, or made again. */
  setThere(isThere: boolean): void {
    this.#isThere = isThere;
  }

  /** The broker comes back from a backup that holds the first `count` events, and knows no ids. */
  restore(count: number): void {
    this.stored.length = Math.min(this.stored.length, count);
    this.#window.clear();
  }

  isOpen(): boolean {
    return this.#isOpen;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async publish(emit: Emit, signal: AbortSignal): Promise<PublishAck> {
    if (!this.#isOpen) this.violations.push(`${emit.id} was sent to a closed log`);
    if (!this.#isThere || this.refusedIds.has(emit.id)) throw new AppError('broker_refused', `${emit.id} is not taken`);
    return await new Promise<PublishAck>((resolve, reject) => {
      const line = this.#lines.get(emit.key) ?? [];
      this.#lines.set(emit.key, line);
      line.push({ emit, resolve, isGone: () => signal.aborted });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      if (line.length === 1) this.#send(line);
    });
  }

  lastSeq(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (!this.#isOpen || this.#isFrozen || !this.#isThere) return Promise.reject(new AppError('broker_unavailable', 'no answer'));
    return Promise.resolve(this.stored.length);
  }

  async *readBack(fromSeq: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[]> {
    for (let from = fromSeq; from <= (await this.lastSeq(signal)); from += 10) yield this.stored.slice(from - 1, from + 9);
  }

  /** The head of a key's line goes on its way, again and again until it is confirmed or nobody waits for it. */
  #send(line: Try[]): void {
    while (line[0]?.isGone() === true) line.shift();
    const [head] = line;
    if (head === undefined) return;
    const next = (): void => {
      line.shift();
      this.#send(line);
    };
    if (!this.#isOpen) {
      // As a publisher does: what waits goes as soon as the connection is back, unless its owner has given it up.
      const stopListening = this.onChange(() => {
        stopListening();
        this.#send(line);
      });
      return;
    }
    const isFirst = !this.#sent.has(head);
    this.#sent.add(head);
    const isRequestLost = this.#random() < this.loss;
    const isAnswerLost = this.#random() < this.loss || this.#unanswered.delete(head.emit.id);
    let isAnswered = false;
    this.#clock.after(1 + this.#random() * 20, () => {
      const arrive = (): void => {
        if (isRequestLost || (!this.#isOpen && this.#random() < 0.5)) return;
        const ack = this.#store(head.emit);
        if (isAnswerLost || !this.#isOpen) return;
        isAnswered = true;
        head.resolve(ack);
        if (line[0] === head) next();
      };
      // The broker was heard just before a second try: it has that one still read.
      if (this.#isFrozen && isFirst) this.#buffered.push(arrive);
      else arrive();
    });
    const tryAgain = (): void => {
      if (isAnswered || line[0] !== head) return;
      if (this.#isFrozen) this.#clock.after(RETRY_MS, tryAgain);
      else this.#send(line);
    };
    this.#clock.after(RETRY_MS, tryAgain);
  }

  #store({ id, key, headers }: Emit): PublishAck {
    const known = this.#window.get(id);
    if (known !== undefined && this.#clock.now() - known.at < DUPLICATE_WINDOW_MS) return { seq: known.seq, duplicate: true };
    const seq = this.stored.length + 1;
    this.stored.push({ id, key, seq, journal: headers[HEADERS.journal] ?? '' });
    this.#window.set(id, { seq, at: this.#clock.now() });
    return { seq, duplicate: false };
  }
}
