import { HEADERS } from '../core/headers.ts';
import type { SettledSpan } from '../core/settled-span.ts';
import type { Delivery, LaneSource } from './broker-port.ts';
import type { Lane } from './lane.ts';
import { LaneProgress } from './lane-progress.ts';
import type { Message } from './message.ts';
import type { UnitLease } from './record-port.ts';
import type { ReplayPart, ReplayProgress } from './replay.ts';
import type { Track } from './track.ts';

/**
 * A replay's part of one lane while its unit is owned: a second position beside the lane's own.
 *
 * 1. What it does not want is through at once; what it wants is held here, in the log's order, until it is let go.
 * 2. It has ended when everything up to its last sequence was delivered and is settled, recorded in that same settling.
 */
export interface ReplayTrackOptions {
  readonly part: ReplayPart;
  /** The last sequence that is replayed. */
  readonly untilSeq: number;
  /** Whose consumer brings it: the live one, or one of its own. */
  readonly lane: Lane;
  /** There is room again, or it has ended. */
  readonly onFreed: () => void;
  /** (Default: its own, from the part's floor) */
  readonly progress?: LaneProgress;
}

export class ReplayTrack implements Track {
  readonly lane: Lane;
  readonly part: ReplayPart;
  readonly stream: string;
  readonly priority: ReplayPart['priority'];
  readonly replay: string;
  readonly unit: UnitLease;
  readonly source: LaneSource;
  readonly progress: LaneProgress;
  readonly untilSeq: number;
  readonly consumerCreated = null;
  isPaused: boolean;
  /** It was aborted: nothing more is let go. */
  isStopped = false;
  /** What was skipped since its row was written. */
  unnoted = 0;
  readonly #onFreed: () => void;
  readonly #held: Delivery[] = [];
  #handled: number;
  #skipped: number;

  constructor({ part, untilSeq, lane, onFreed, progress }: ReplayTrackOptions) {
    this.lane = lane;
    this.part = part;
    this.stream = part.stream;
    this.priority = part.priority;
    this.replay = part.options.id;
    this.unit = lane.unit;
    this.source = lane.source;
    this.untilSeq = untilSeq;
    this.isPaused = part.isPaused;
    this.progress = progress ?? new LaneProgress(part);
    this.#onFreed = onFreed;
    this.#handled = part.handled;
    this.#skipped = part.skipped;
  }

  /** Held deliveries that may be let go. */
  get ready(): number {
    return this.isPaused || this.isStopped ? 0 : this.#held.length;
  }

  get isEnded(): boolean {
    return this.progress.floor >= this.untilSeq;
  }

  wants({ key, headers }: Message): boolean {
    const { key: wanted, types } = this.part;
    return (wanted === null || key === wanted) && (types.length === 0 || types.includes(headers[HEADERS.ceType] ?? ''));
  }

  hold(delivery: Delivery): void {
    this.#held.push(delivery);
  }

  /** The next one that was held. */
  take(): Delivery | undefined {
    return this.#held.shift();
  }

  /** It is through without being handled. `isCounted`: it would have been wanted. */
  skip(delivery: Delivery, isCounted: boolean): void {
    this.progress.settle(delivery.message.seq);
    if (isCounted) this.#skipped++;
    this.unnoted++;
    this.source.ack(delivery);
  }

  /** The message as its actor gets it. */
  messageOf({ message }: Delivery): Message {
    const { options } = this.part;
    return { ...message, headers: divert(message.headers, options.divertTo), replay: options };
  }

  settle(seq: number): void {
    this.progress.settle(seq);
    this.#handled++;
  }

  unsettle(seq: number): void {
    this.progress.unsettle(seq);
    this.#handled--;
  }

  replayed(settled: SettledSpan): ReplayProgress {
    const { unit, replay, stream, priority, untilSeq } = this;
    this.unnoted = 0;
    const counts = { handled: this.#handled, skipped: this.#skipped };
    return { unit, replay, stream, priority, untilSeq, ...settled, ...counts, isEnded: settled.floor >= untilSeq };
  }

  freed(): void {
    this.#onFreed();
  }
}

/** The message's headers, with where its effects are to go. */
export function divert(headers: Message['headers'], divertTo: readonly string[]): Message['headers'] {
  return divertTo.length === 0 ? headers : { ...headers, [HEADERS.divert]: divertTo.join(', ') };
}
