import { isBroken } from '../core/guards.ts';
import { type SettledSpan, spanFrom } from '../core/settled-span.ts';
import type { Delivery, LaneSource, Room } from './broker-port.ts';
import { ConsumerPointer, isResetByHand } from './consumer-pointer.ts';
import type { LaneOptions, RepointCause } from './lane-options.ts';
import { LaneProgress, roomBeside } from './lane-progress.ts';
import type { LaneProgress as LaneRecord, UnitLease } from './record-port.ts';
import type { ReplayTrack } from './replay-track.ts';
import type { Track } from './track.ts';

/** How long to wait before the broker is asked again after it did not answer, and before the lease is looked at again. */
const PAUSE_MS = 100;
/** Below what a person notices after the broker is back. */
const LONGEST_PAUSE_MS = 1_000;

/** How often an idle lane's consumer is looked at; at once after it had something to do. */
const COMPARE_MS = 5_000;

/**
 * One lane's pull loop. Owns the consumer's position and the lane's progress; knows nothing of keys or handlers.
 *
 * 1. What is handed on is in the log's order: the consumer sequence runs 1, 2, 3 ...; a gap means that someone else's pull
 *    took a message, and nothing is handed on until the consumer was re-pointed to the position + 1. An idle lane asks.
 * 2. It never pulls past its capacity or without a valid lease.
 * 3. The floor never goes down. A replay in place is a second position: what it brings and is settled goes to it, what it
 *    brings and is not settled is live, and so is all that comes behind it.
 * 4. A reset that somebody else made is a replay where it points to what is through, the consumer is the one that was pointed last,
 *    and the connection was not broken, or the consumer says that it was reset and has delivered nothing since. Everything else is put back.
 * 5. A replay that begins or ends, or a reset that was seen, ends the open pull: what it still brings would be of another position.
 */
export class Lane implements Track {
  readonly stream: string;
  readonly priority: LaneOptions['priority'];
  readonly unit: UnitLease;
  readonly source: LaneSource;
  readonly replay?: string;
  readonly #options: LaneOptions;
  readonly #pointer: ConsumerPointer;
  readonly #stop = new AbortController();
  #pulling = new AbortController();
  #progress: LaneProgress | undefined;
  /** Why it has to be re-pointed before anything more is handed on. */
  #displaced: RepointCause | undefined;
  /** Where somebody else has reset the consumer to. */
  #movedTo: number | undefined;
  #replay: ReplayTrack | undefined;
  #asked: (() => ReplayTrack | undefined) | undefined;
  #isPositioned = false;
  #deliveredBefore: number | undefined;
  /** What was delivered when the consumer was looked at last. */
  #compared = -1;
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
    this.#pointer = new ConsumerPointer(options.source);
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
    return this.#pointer.label;
  }

  /**
   * Fixes where the lane stands: its record, or for a new lane the log's beginning or end, and the replay in place that `restore`
   * gives then: one that its last owner may have begun. Resolves with the floor.
   */
  async open(
    record: (SettledSpan & Pick<LaneRecord, 'consumerCreated'>) | undefined,
    start: 'beginning' | 'end',
    restore: () => ReplayTrack | undefined = () => undefined,
  ): Promise<number> {
    const state = await this.#pointer.open();
    if (isBroken('take-over')) for (let count = 0; count < state.deliveredConsumerSeq; count++) this.#pointer.take();
    this.#progress ??= new LaneProgress(record ?? spanFrom(start === 'end' ? state.lastSeq : 0));
    this.#replay = restore();
    if (state.deliveredConsumerSeq > 0 && state.deliveredStreamSeq >= this.#position) this.#deliveredBefore = state.deliveredStreamSeq;
    if (this.#options.onReset !== undefined && isResetByHand(state, record?.consumerCreated ?? null, this.#position))
      this.#movedTo = state.deliveredStreamSeq + 1;
    return this.#progress.floor;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends the pull; what is in hand stays in hand. May be called twice. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#interrupt();
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

  /** Asks `begin` for a replay in place once nothing is in hand; it may have become none until then. */
  beginReplay(begin: () => ReplayTrack | undefined): void {
    this.#asked = begin;
    this.#interrupt();
  }

  /** Ends a replay in place where it is: what is live goes on. */
  endReplay(replay: ReplayTrack): void {
    if (this.#replay !== replay) return;
    this.#replay = undefined;
    this.#displaced = 'replay';
    this.#interrupt();
  }

  /** Everything up to here is through, of what is to be delivered now. */
  get #position(): number {
    return this.#replay?.progress.floor ?? this.progress.floor;
  }

  get #inHand(): number {
    return this.progress.open + (this.#replay?.progress.open ?? 0);
  }

  async #run(): Promise<void> {
    if (isBroken('take-over')) this.#isPositioned = true;
    else if (this.#movedTo === undefined) await this.#repoint('take-over');
    while (!this.#stop.signal.aborted) await this.#step();
  }

  async #step(): Promise<void> {
    const { capacity, mayPull } = this.#options;
    const room = roomBeside(capacity, [this.progress, ...(this.#replay === undefined ? [] : [this.#replay.progress])]);
    if (this.#movedTo !== undefined) await this.#followReset(this.#movedTo);
    else if (this.#asked !== undefined && this.#inHand === 0) await this.#begin(this.#asked);
    else if (this.#displaced !== undefined) await this.#repoint(this.#displaced);
    else if (this.#replay?.isPaused === true) {
      if (this.#isDue) await this.#compare(false);
      await this.#pause(PAUSE_MS);
    } else if (!mayPull() || this.#asked !== undefined) await this.#pause(PAUSE_MS);
    else if (room === undefined) await this.#pause();
    else await this.#pull(room);
  }

  async #pull(room: Room): Promise<void> {
    const { source, pullExpiresMs, onDrained } = this.#options;
    this.#pulling = new AbortController();
    const end = await source.pull(room, pullExpiresMs, this.#onDelivery, this.#pulling.signal).catch(() => 'interrupted' as const);
    const isWatched = this.#replay !== undefined || onDrained !== undefined;
    if (end === 'interrupted') this.#displaced ??= 'interrupted';
    else if (end === 'expired' && (isWatched || this.#isDue)) await this.#compare(true);
  }

  readonly #onDelivery = (delivery: Delivery): void => {
    if (this.#movedTo !== undefined || this.#stop.signal.aborted) return;
    const { seq } = delivery.message;
    const found = this.#pointer.judge(delivery, this.progress.floor);
    // Somebody may reset the consumer also while it is about to be re-pointed.
    if (found === 'reset') this.#movedTo = seq;
    else if (this.#displaced === undefined) {
      if (found === 'next') return this.#hand(seq, delivery);
      this.#displaced = found;
    }
    this.#pulling.abort();
  };

  #hand(seq: number, delivery: Delivery): void {
    this.#pointer.take();
    const replay = this.#replay;
    if (replay !== undefined && seq > replay.untilSeq) this.#reach(replay);
    const again = replay !== undefined && seq <= replay.untilSeq && this.progress.isSettled(seq) ? replay : undefined;
    const what = (again ?? this).progress.deliver(seq, delivery.message.body.byteLength);
    if (what === 'settled') this.source.ack(delivery);
    else if (what === 'new' && again !== undefined) this.#options.onReplayed?.(again, delivery);
    else if (what === 'new') this.#options.onDelivery(this, delivery);
  }

  #reach(replay: ReplayTrack): void {
    if (replay.progress.highest >= replay.untilSeq) return;
    replay.progress.reach(replay.untilSeq);
    this.#options.onReached?.(replay);
  }

  get #isDue(): boolean {
    return this.#compared !== this.#pointer.delivered || this.#options.clock.monotonic() - this.#comparedAt >= COMPARE_MS;
  }

  /**
   * Nothing came: asks whether the consumer has handed out more than arrived here. Somebody else's pull may have taken the
   * last message, and then no later one would show the gap. Nor does a reset by hand while the consumer is paused.
   */
  async #compare(isUnbroken: boolean): Promise<void> {
    const { clock, source, log, onDrained, onReset } = this.#options;
    try {
      const state = await source.ensure();
      const found = this.#pointer.compare(state, this.progress.floor, isUnbroken);
      if (found === 'reset' && onReset !== undefined) this.#movedTo = state.deliveredStreamSeq + 1;
      else if (found !== 'same') this.#displaced ??= found === 'gap' ? 'gap' : 'moved';
      else if (state.pending === 0) {
        if (this.#replay !== undefined) this.#reach(this.#replay);
        onDrained?.();
      }
      this.#compared = this.#pointer.delivered;
      this.#comparedAt = clock.monotonic();
    } catch (error) {
      log.warn({ stream: this.stream, priority: this.priority, err: error }, 'the consumer could not be looked at');
    }
  }

  async #begin(begin: () => ReplayTrack | undefined): Promise<void> {
    this.#asked = undefined;
    const replay = begin();
    if (replay?.isEnded === true) this.#options.onReached?.(replay);
    else if (replay !== undefined) {
      this.#replay = replay;
      await this.#repoint('replay');
    }
  }

  async #followReset(fromSeq: number): Promise<void> {
    const { source, log, onReset } = this.#options;
    try {
      // A consumer that was made anew begins at the log's beginning: nobody has meant that.
      const replay = this.#pointer.isSame(await source.ensure()) ? await onReset?.(this, fromSeq) : undefined;
      if (replay !== undefined) {
        this.#replay = replay;
        this.#pointer.adopt(fromSeq);
      }
      this.#displaced = replay === undefined ? 'interrupted' : 'replay';
      this.#movedTo = undefined;
    } catch (error) {
      log.warn({ stream: this.stream, priority: this.priority, err: error }, 'a reset of the consumer could not be recorded; trying again');
      await this.#pause(PAUSE_MS);
    }
  }

  async #repoint(cause: RepointCause): Promise<void> {
    const { log, onRepoint, isLeased } = this.#options;
    this.#isPositioned = false;
    for (let waitMs = PAUSE_MS; !this.#stop.signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        // Without its lease it would point what is somebody else's, and that would look like a person's reset.
        if (isLeased() && (await this.#ensureAndPoint(cause))) {
          this.#isPositioned = true;
          if (this.#movedTo === undefined) onRepoint(cause, this);
          return;
        }
      } catch (error) {
        log.warn({ stream: this.stream, priority: this.priority, reason: cause, err: error }, 'the lane could not be positioned');
      }
      await this.#pause(waitMs);
    }
  }

  /** Resolves with false where the lease was lost before it was pointed. */
  async #ensureAndPoint(cause: RepointCause): Promise<boolean> {
    const { source, onReset, isLeased } = this.#options;
    const before = await source.ensure();
    // The process may have stood still while it waited for that, and somebody else may be the owner.
    if (!isLeased()) return false;
    const isReset = cause !== 'take-over' && this.#pointer.compare(before, this.progress.floor, false) === 'reset';
    // What comes from here on is not of this time.
    this.#displaced = undefined;
    if (isReset && onReset !== undefined) {
      this.#movedTo = before.deliveredStreamSeq + 1;
      return true;
    }
    try {
      await this.#pointer.point(this.#position + 1);
    } catch (error) {
      this.#displaced ??= cause;
      throw error;
    }
    this.#compared = -1;
    return true;
  }

  /** Ends the open pull, or the pause. */
  #interrupt(): void {
    this.#pulling.abort();
    this.#wake();
  }

  /** Waits for `freed`, an interruption or the time. */
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
