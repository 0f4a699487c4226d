import type { Clock } from '../core/clock.ts';
import type { ConsumerState, Delivery, LaneSource } from './broker-port.ts';
import { isResetByHand, pointedTo } from './consumer-reset.ts';
import type { ActorLog } from './define-actor.ts';
import { LaneProgress } from './lane-progress.ts';
import type { LaneId, LaneProgress as LaneRecord, UnitLease } from './record-port.ts';
import type { ReplayTrack } from './replay-track.ts';
import type { Track } from './track.ts';

/**
 * One lane's pull loop. Owns the consumer's position and the lane's progress; knows nothing of keys or handlers.
 *
 * 1. What is handed on is in the log's order: the consumer sequence runs 1, 2, 3 ...; a gap means that someone else's pull
 *    took a message, and nothing is handed on until the consumer was re-pointed to the position + 1. An idle lane asks.
 * 2. It never pulls past its capacity or without a valid lease.
 * 3. The floor never goes down. A replay in place is a second position: what it brings and is settled goes to it, what it
 *    brings and is not settled is live, and so is all that comes behind it.
 * 4. A reset that somebody else made is a replay where it points below the position, the consumer is the one that was pointed last,
 *    and the connection was not broken, or the consumer says that it was reset and has delivered nothing since. Everything else is put back.
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
  /** What a replay in place brings. (Default: there is none) */
  readonly onReplayed?: (replay: ReplayTrack, delivery: Delivery) => void;
  /** Everything up to the replay's end was delivered. */
  readonly onReached?: (replay: ReplayTrack) => void;
  /** The consumer was reset by hand: records that, and gives the replay; undefined where the unit has a new owner. */
  readonly onReset?: (lane: Lane, fromSeq: number) => Promise<ReplayTrack | undefined>;
  /** The log has nothing more for it at this moment. */
  readonly onDrained?: () => void;
  /** How far it is already. (Default: what its record says) */
  readonly progress?: LaneProgress;
}

/** `moved`: somebody has reset the consumer to where work would be left out. `replay`: to or from a replay's position. */
export type RepointCause = 'take-over' | 'interrupted' | 'gap' | 'moved' | 'replay';

/** How long to wait before the broker is asked again after it did not answer, and before the lease is looked at again. */
const PAUSE_MS = 100;
/** Below what a person notices after the broker is back. */
const LONGEST_PAUSE_MS = 1_000;

/** How often an idle lane's consumer is looked at; at once after it had something to do. */
const COMPARE_MS = 5_000;

export class Lane implements Track {
  readonly stream: string;
  readonly priority: LaneOptions['priority'];
  readonly unit: UnitLease;
  readonly source: LaneSource;
  readonly replay?: string;
  readonly #options: LaneOptions;
  readonly #stop = new AbortController();
  #progress: LaneProgress | undefined;
  #expected = 1;
  /** Why it has to be re-pointed before anything more is handed on. */
  #displaced: RepointCause | undefined;
  /** Where somebody else has reset the consumer to. */
  #movedTo: number | undefined;
  #replay: ReplayTrack | undefined;
  #asked: (() => ReplayTrack) | undefined;
  #created: string | undefined;
  #from = 0;
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
    if (options.replay !== undefined) this.replay = options.replay;
    this.#progress = options.progress;
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

  get consumerCreated(): string | null {
    return this.#created === undefined || this.#from === 0 ? null : pointedTo(this.#created, this.#from);
  }

  /**
   * Fixes where the lane stands: its record, or for a new lane the log's beginning or end, and the replay in place that its last
   * owner had begun. Resolves with the floor.
   */
  async open(
    record: Pick<LaneRecord, 'floor' | 'exceptions' | 'consumerCreated'> | undefined,
    start: 'beginning' | 'end',
    replay?: ReplayTrack,
  ): Promise<number> {
    const state = await this.#options.source.ensure();
    const floor = record?.floor ?? (start === 'end' ? state.lastSeq : 0);
    this.#progress ??= new LaneProgress(floor, record?.exceptions);
    this.#replay = replay;
    if (state.deliveredConsumerSeq > 0 && state.deliveredStreamSeq >= this.#position) this.#deliveredBefore = state.deliveredStreamSeq;
    this.#created = state.created;
    if (this.#isReset(state, record?.consumerCreated ?? null)) this.#movedTo = state.deliveredStreamSeq + 1;
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

  settle(seq: number): void {
    this.progress.settle(seq);
  }

  unsettle(seq: number): void {
    this.progress.unsettle(seq);
  }

  /** Call when deliveries were settled: there is room again. */
  freed(): void {
    if (this.#replay?.isEnded === true) this.#replay = undefined;
    this.#wake();
  }

  /** Begins a replay in place once nothing is in hand. It takes the place of one that is under way. */
  beginReplay(begin: () => ReplayTrack): void {
    this.#asked = begin;
    this.#wake();
  }

  /** Ends a replay in place where it is: what is live goes on. */
  endReplay(replay: ReplayTrack): void {
    if (this.#replay !== replay) return;
    this.#replay = undefined;
    this.#displaced = 'replay';
    this.#wake();
  }

  /** Everything up to here is through, of what is to be delivered now. */
  get #position(): number {
    return this.#replay?.progress.floor ?? this.progress.floor;
  }

  get #inHand(): number {
    return this.progress.open + (this.#replay?.progress.open ?? 0);
  }

  async #run(): Promise<void> {
    const { source, capacity, pullExpiresMs, mayPull } = this.#options;
    const { signal } = this.#stop;
    if (this.#movedTo === undefined) await this.#repoint('take-over');
    while (!signal.aborted) {
      const room = capacity - this.#inHand;
      if (this.#movedTo !== undefined) await this.#followReset(this.#movedTo);
      else if (this.#displaced !== undefined) await this.#repoint(this.#displaced);
      else if (this.#asked !== undefined && this.#inHand === 0) await this.#begin(this.#asked);
      else if (!mayPull() || this.#replay?.isPaused === true || this.#asked !== undefined) await this.#pause(PAUSE_MS);
      else if (room < capacity / 2) await this.#pause();
      else {
        const end = await source.pull(room, pullExpiresMs, this.#onDelivery, signal).catch(() => 'interrupted' as const);
        if (end === 'expired') await this.#compare();
        else if (end === 'interrupted') this.#displaced ??= 'interrupted';
      }
    }
  }

  readonly #onDelivery = (delivery: Delivery): void => {
    if (this.#displaced !== undefined || this.#movedTo !== undefined || this.#stop.signal.aborted) return;
    const { seq } = delivery.message;
    if (delivery.consumerSeq === 1 && seq <= this.#position) {
      this.#movedTo = seq;
      return;
    }
    if (delivery.consumerSeq !== this.#expected) {
      this.#displaced = delivery.consumerSeq === 1 ? 'moved' : 'gap';
      return;
    }
    this.#expected++;
    const replay = this.#replay;
    if (replay !== undefined && seq > replay.untilSeq) this.#reach(replay);
    const again = replay !== undefined && seq <= replay.untilSeq && this.progress.isSettled(seq) ? replay : undefined;
    const what = (again ?? this).progress.deliver(seq);
    if (what === 'settled') this.source.ack(delivery);
    else if (what === 'new' && again !== undefined) this.#options.onReplayed?.(again, delivery);
    else if (what === 'new') this.#options.onDelivery(this, delivery);
  };

  #reach(replay: ReplayTrack): void {
    if (replay.progress.highest >= replay.untilSeq) return;
    replay.progress.reach(replay.untilSeq);
    this.#options.onReached?.(replay);
  }

  /**
   * Nothing came: asks whether the consumer has handed out more than arrived here. Somebody else's pull may have taken the
   * last message, and then no later one would show the gap. Nor does a reset by hand while the consumer is paused.
   */
  async #compare(): Promise<void> {
    const { clock, source, log, onDrained } = this.#options;
    const isDue = this.#compared !== this.#expected || clock.monotonic() - this.#comparedAt >= COMPARE_MS;
    if (!isDue && (this.#replay ?? onDrained) === undefined) return;
    try {
      const state = await source.ensure();
      if (this.#isReset(state)) this.#movedTo = state.deliveredStreamSeq + 1;
      else if (state.deliveredConsumerSeq !== this.#expected - 1) this.#displaced ??= 'gap';
      else if (state.pending === 0) {
        if (this.#replay !== undefined) this.#reach(this.#replay);
        onDrained?.();
      }
      this.#compared = this.#expected;
      this.#comparedAt = clock.monotonic();
    } catch (error) {
      log.warn({ stream: this.stream, priority: this.priority, err: error }, 'the consumer could not be looked at');
    }
  }

  #isReset(state: ConsumerState, pointed = this.consumerCreated): boolean {
    return this.#options.onReset !== undefined && isResetByHand(state, pointed ?? '', this.#position);
  }

  async #begin(begin: () => ReplayTrack): Promise<void> {
    this.#asked = undefined;
    const replay = begin();
    if (replay.isEnded) this.#options.onReached?.(replay);
    else {
      this.#replay = replay;
      await this.#repoint('replay');
    }
  }

  async #followReset(fromSeq: number): Promise<void> {
    const { source, log, onReset } = this.#options;
    try {
      const { created } = await source.ensure();
      // A consumer that was made anew begins at the log's beginning: nobody has meant that.
      const replay = created === this.#created ? await onReset?.(this, fromSeq) : undefined;
      if (replay !== undefined && this.#replay !== undefined) this.#replay.isStopped = true;
      this.#replay = replay ?? this.#replay;
      this.#displaced = replay === undefined ? 'interrupted' : 'replay';
      this.#movedTo = undefined;
    } catch (error) {
      log.warn({ stream: this.stream, priority: this.priority, err: error }, 'a reset of the consumer could not be recorded; trying again');
      await this.#pause(PAUSE_MS);
    }
  }

  async #repoint(cause: RepointCause): Promise<void> {
    const { log, onRepoint } = this.#options;
    this.#isPositioned = false;
    for (let waitMs = PAUSE_MS; !this.#stop.signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#ensureAndReset(cause);
        this.#isPositioned = true;
        if (this.#movedTo === undefined) onRepoint(cause);
        return;
      } catch (error) {
        log.warn({ stream: this.stream, priority: this.priority, reason: cause, err: error }, 'the lane could not be positioned');
        await this.#pause(waitMs);
      }
    }
  }

  async #ensureAndReset(cause: RepointCause): Promise<void> {
    const { source } = this.#options;
    const before = await source.ensure();
    if (cause === 'interrupted' && this.#isReset(before)) {
      this.#displaced = undefined;
      this.#movedTo = before.deliveredStreamSeq + 1;
      return;
    }
    const from = this.#position + 1;
    const { created } = await source.repoint(from);
    this.#created = created;
    this.#from = from;
    this.#expected = 1;
    this.#displaced = undefined;
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
