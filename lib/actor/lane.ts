import type { Clock } from '../core/clock.ts';
import type { ConsumerState, Delivery, LaneSource } from './broker-port.ts';
import type { ActorLog } from './define-actor.ts';
import { LaneProgress } from './lane-progress.ts';
import type { LaneId, UnitLease } from './record-port.ts';

/**
 * One lane's pull loop. Owns the consumer's position and the lane's progress; knows nothing of keys or handlers.
 *
 * 1. What is handed on is in the log's order: the consumer sequence runs 1, 2, 3 ...; a gap means that someone else's pull
 *    took a message, and nothing is handed on until the consumer was re-pointed to floor + 1. An idle lane asks.
 * 2. It never pulls past its capacity or without a valid lease.
 */
export interface LaneOptions extends LaneId {
  readonly unit: UnitLease;
  readonly source: LaneSource;
  /** Deliveries in hand at most. */
  readonly capacity: number;
  /** Longest open pull; below lease minus fence, so that a frozen owner's pull is dead before its lease. */
  readonly pullExpiresMs: number;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** Whether the lease allows to pull now. */
  readonly mayPull: () => boolean;
  readonly onDelivery: (lane: Lane, delivery: Delivery) => void;
  readonly onRepoint: (cause: RepointCause) => void;
}

export type RepointCause = 'take-over' | 'interrupted' | 'gap';

/** How long to wait before the broker is asked again after it did not answer, and before the lease is looked at again. */
const PAUSE_MS = 100;
/** Below what a person notices after the broker is back. */
const LONGEST_PAUSE_MS = 1_000;

/** How often an idle lane's consumer is looked at; at once after it had something to do. */
const COMPARE_MS = 5_000;

export class Lane implements LaneId {
  readonly stream: string;
  readonly priority: LaneOptions['priority'];
  readonly unit: UnitLease;
  readonly source: LaneSource;
  readonly #options: LaneOptions;
  readonly #stop = new AbortController();
  #progress: LaneProgress | undefined;
  #expected = 1;
  #hasGap = false;
  #isPositioned = false;
  #deliveredBefore: number | undefined;
  #compared = 0;
  #comparedAt = 0;
  #loop: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.priority = options.priority;
    this.unit = options.unit;
    this.source = options.source;
  }

  /** Whether its consumer stands where the record says; false while it is looked for. */
  get isPositioned(): boolean {
    return this.#isPositioned;
  }

  /**
   * Nothing above this sequence can have been in an earlier owner's hand; undefined where the log does not know: its consumer
   * is new or stands below the record, or was re-pointed and has delivered nothing since, and forgot what it had delivered before.
   */
  get deliveredBefore(): number | undefined {
    return this.#deliveredBefore;
  }

  /** Throws before `open`. */
  get progress(): LaneProgress {
    if (this.#progress === undefined) throw new Error(`lane ${this.stream}:${this.priority} is not open`);
    return this.#progress;
  }

  /** Fixes where the lane stands: its record, or for a new lane the log's beginning or end. Resolves with the floor. */
  async open(record: { floor: number; exceptions: readonly number[] } | undefined, start: 'beginning' | 'end'): Promise<number> {
    const state = await this.#options.source.ensure();
    const floor = record?.floor ?? (start === 'end' ? state.lastSeq : 0);
    this.#progress = new LaneProgress(floor, record?.exceptions);
    if (state.deliveredConsumerSeq > 0 && state.deliveredStreamSeq >= floor) this.#deliveredBefore = state.deliveredStreamSeq;
    return floor;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends the pull; what is in hand stays in hand. May be called twice. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#loop;
  }

  /** Call when deliveries were settled: there is room again. */
  freed(): void {
    this.#wake();
  }

  async #run(): Promise<void> {
    const { source, capacity, pullExpiresMs, mayPull } = this.#options;
    const { signal } = this.#stop;
    await this.#repoint('take-over');
    while (!signal.aborted) {
      const room = capacity - this.progress.open;
      if (!mayPull()) await this.#pause(PAUSE_MS);
      else if (room < capacity / 2) await this.#pause();
      else {
        const end = await source.pull(room, pullExpiresMs, this.#onDelivery, signal).catch(() => 'interrupted' as const);
        if (end === 'expired') await this.#compare();
        if (this.#hasGap) await this.#repoint('gap');
        else if (end === 'interrupted') await this.#repoint('interrupted');
      }
    }
  }

  readonly #onDelivery = (delivery: Delivery): void => {
    if (this.#hasGap || this.#stop.signal.aborted) return;
    if (delivery.consumerSeq !== this.#expected) {
      this.#hasGap = true;
      return;
    }
    this.#expected++;
    const what = this.progress.deliver(delivery.message.seq);
    if (what === 'new') this.#options.onDelivery(this, delivery);
    else if (what === 'settled') this.#options.source.ack(delivery);
  };

  /**
   * Nothing came: asks whether the consumer has handed out more than arrived here. Somebody else's pull may have taken the
   * last message, and then no later one would show the gap.
   */
  async #compare(): Promise<void> {
    const { clock, source, log } = this.#options;
    if (this.#compared === this.#expected && clock.monotonic() - this.#comparedAt < COMPARE_MS) return;
    try {
      const { deliveredConsumerSeq } = await source.ensure();
      if (deliveredConsumerSeq !== this.#expected - 1) this.#hasGap = true;
      this.#compared = this.#expected;
      this.#comparedAt = clock.monotonic();
    } catch (error) {
      log.warn({ stream: this.stream, priority: this.priority, err: error }, 'the consumer could not be looked at');
    }
  }

  async #repoint(cause: RepointCause): Promise<void> {
    const { source, log, onRepoint } = this.#options;
    this.#isPositioned = false;
    for (let waitMs = PAUSE_MS; !this.#stop.signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#ensureAndReset(source);
        this.#isPositioned = true;
        onRepoint(cause);
        return;
      } catch (error) {
        log.warn({ stream: this.stream, priority: this.priority, reason: cause, err: error }, 'the lane could not be positioned');
        await this.#pause(waitMs);
      }
    }
  }

  async #ensureAndReset(source: LaneSource): Promise<ConsumerState> {
    await source.ensure();
    const state = await source.repoint(this.progress.floor + 1);
    this.#expected = 1;
    this.#hasGap = false;
    return state;
  }

  /** Waits for `freed`, `stop` or the time. */
  #pause(ms?: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = ms === undefined ? () => undefined : this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
