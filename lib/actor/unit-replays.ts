import type { BrokerPort, Delivery } from './broker-port.ts';
import { Lane } from './lane.ts';
import type { LaneOptions } from './lane-options.ts';
import { LaneProgress } from './lane-progress.ts';
import type { RecordPort, UnitLease } from './record-port.ts';
import type { ReplayOptions, ReplayPart } from './replay.ts';
import { ReplayTrack } from './replay-track.ts';
import type { Settler } from './settler.ts';

/**
 * The replays of one unit: opens and ends its parts as the record says, and lets go what they hold.
 *
 * 1. A slice is read by a temporary consumer beside the lane, through the same mailboxes: a key is never handled twice at once.
 * 2. What its lane has not handled yet is left to it: replayed it would overtake its own first handling.
 * 3. In place a lane has one at a time, in the order in which they were asked for; a reset by hand ends those that there are.
 */
export interface UnitReplaysOptions {
  readonly lease: UnitLease;
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly settler: Settler;
  /** What every lane of the unit has. */
  readonly laneOptions: Pick<LaneOptions, 'clock' | 'log' | 'pullExpiresMs' | 'isLeased' | 'mayPull' | 'onRepoint'>;
  /** The unit's live lane of a stream and priority. */
  readonly laneOf: (part: Pick<ReplayPart, 'stream' | 'priority'>) => Lane | undefined;
  /** Hands one message over to the mailboxes; false where its first handling has not ended. */
  readonly arrive: (track: ReplayTrack, delivery: Delivery, lane: Lane) => boolean;
  readonly onOpened: (lane: Lane) => void;
  readonly onReplayed: (messages: number) => void;
  readonly onRefused: () => void;
}

/** Deliveries in hand for one part: at the usual rates some tenths of a second, and little memory beside the lanes' own. */
const CAPACITY = 64;
/** Messages that are passed over before that is recorded. */
const NOTED_EVERY = 512;
/** A part is pulled for without a pause; after this its owner is gone for good, or the replay was aborted. */
const FORGOTTEN_AFTER_MS = 60_000;

export class UnitReplays {
  readonly #options: UnitReplaysOptions;
  readonly #open = new Map<string, { readonly track: ReplayTrack; readonly slice: Lane | undefined }>();
  /** As they were read last. */
  #parts: readonly ReplayPart[] = [];
  readonly #seen = new Set<string>();
  /** What has ended here: a row that was read a moment before must not begin it again. */
  readonly #over = new Set<string>();
  readonly #known = new Map<string, ReplayOptions>();
  #isStopped = false;

  constructor(options: UnitReplaysOptions) {
    this.#options = options;
  }

  /** What the messages of a replay carry; of one that is over only its name. */
  optionsOf(id: string): ReplayOptions {
    return this.#known.get(id) ?? { id, repeat: [], divertTo: [] };
  }

  /** The parts that are under way. */
  get tracks(): readonly ReplayTrack[] {
    return [...this.#open.values()].map(({ track }) => track);
  }

  /** Gives the replay in place that a lane goes on with, or begins with, under its new owner. Call when nothing is in hand. */
  restore(parts: readonly ReplayPart[], lane: Lane): ReplayTrack | undefined {
    this.#parts = parts;
    const next = this.#next(lane);
    // One that has nothing to do ends as any other does, once the lane runs.
    const isEmpty = next?.untilSeq === null && next.fromSeq > lane.progress.last;
    return isEmpty ? undefined : this.#beginNext(lane);
  }

  /** A reset of a lane's consumer by hand: records it as a replay. */
  async recordReset(lane: Lane, fromSeq: number): Promise<ReplayTrack | undefined> {
    const { record, lease } = this.#options;
    const { stream, priority, progress } = lane;
    const { log } = this.#options.laneOptions;
    const untilSeq = progress.last;
    const part = await record.recordReset({ unit: lease, stream, priority, fromSeq, untilSeq });
    if (part === undefined) {
      this.#options.onRefused();
      return undefined;
    }
    // Those that were under way or asked for in this lane are over with it.
    for (const each of this.#parts) if (each.kind === 'in-place' && isOf(each, lane)) this.#supersede(each);
    for (const { track, slice } of this.#open.values()) if (slice === undefined && isOf(track, lane)) this.#supersede(track.part);
    this.#known.set(part.options.id, part.options);
    log.info({ stream, priority, replay: part.options.id, seq: fromSeq }, 'the consumer was reset by hand: a replay');
    return this.#createInPlace(part, untilSeq, lane);
  }

  /** Brings what is under way in line with the record: all parts of this unit in replays that are not over. */
  sync(parts: readonly ReplayPart[]): void {
    if (this.#isStopped) return;
    this.#parts = parts;
    const wanted = new Set(parts.map(nameOf));
    // A reset by hand that was recorded a moment ago may not have been read yet.
    for (const [name, { track, slice }] of this.#open) if (!wanted.has(name) && this.#seen.has(name)) this.#end(name, track, slice);
    for (const part of parts) {
      this.#known.set(part.options.id, part.options);
      this.#seen.add(nameOf(part));
      const open = this.#open.get(nameOf(part));
      if (open !== undefined) open.track.isPaused = part.isPaused;
      else if (part.isEnded || this.#over.has(nameOf(part))) continue;
      else if (part.kind === 'slice') this.#openSlice(part);
      else this.#ask(part);
    }
    for (const track of this.tracks) if (track.part.rate === null) this.release(track, track.ready);
  }

  /** Lets the first `count` of what a part holds go. Gives how many those were. */
  release(track: ReplayTrack, count: number): number {
    let released = 0;
    for (; released < count && track.ready > 0; released++) {
      const delivery = track.take()!;
      const lane = this.#options.laneOf(track);
      const isHandled = lane?.progress.isSettled(delivery.message.seq) === true && this.#options.arrive(track, delivery, lane);
      if (!isHandled) track.skip(delivery, true);
    }
    if (released > 0) this.#options.onReplayed(released);
    if (track.unnoted > 0 && track.progress.open === 0) this.#note(track);
    return released;
  }

  /** Ends pulling; what is in hand may still be handled. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { track } of this.#open.values()) track.isStopped = true;
    await Promise.all([...this.#open.values()].map(async ({ slice }) => await slice?.stop()));
  }

  /** A replayed delivery, in the order of the log. */
  readonly onDelivery = (track: ReplayTrack, delivery: Delivery): void => {
    if (delivery.message.seq > track.untilSeq) {
      track.skip(delivery, false);
      this.onReached(track);
    } else if (!track.wants(delivery.message)) {
      track.skip(delivery, false);
      if (track.unnoted >= NOTED_EVERY) this.#note(track);
    } else {
      track.hold(delivery);
      if (track.part.rate === null) this.release(track, track.ready);
    }
  };

  /** Everything was delivered: where nothing is in hand that is all. */
  readonly onReached = (track: ReplayTrack): void => {
    track.progress.reach(track.untilSeq);
    this.#note(track);
  };

  #note(track: ReplayTrack): void {
    const nothing = (): void => undefined;
    this.#options.settler.submit({
      unit: this.#options.lease,
      touched: [track],
      onCommitted: nothing,
      onRefused: this.#options.onRefused,
      onPoisoned: nothing,
    });
  }

  #ask(part: ReplayPart): void {
    const lane = this.#options.laneOf(part);
    if (lane !== undefined && this.#next(lane) === part) lane.beginReplay(() => (this.#isStopped ? undefined : this.#beginNext(lane)));
  }

  /** The replay in place whose turn it is in a lane; none while one is under way. */
  #next(lane: Lane): ReplayPart | undefined {
    if (this.tracks.some((track) => track.lane === lane)) return undefined;
    return this.#parts.find((part) => part.kind === 'in-place' && isOf(part, lane) && !part.isEnded && !this.#over.has(nameOf(part)));
  }

  #beginNext(lane: Lane): ReplayTrack | undefined {
    const part = this.#next(lane);
    if (part === undefined) return undefined;
    this.#known.set(part.options.id, part.options);
    this.#seen.add(nameOf(part));
    return this.#createInPlace(part, part.untilSeq ?? lane.progress.last, lane);
  }

  #createInPlace(part: ReplayPart, untilSeq: number, lane: Lane): ReplayTrack {
    const onFreed = (): void => {
      if (track.isEnded) this.#close(nameOf(part));
      lane.freed();
    };
    const track: ReplayTrack = new ReplayTrack({ part, untilSeq, lane, onFreed });
    this.#open.set(nameOf(part), { track, slice: undefined });
    return track;
  }

  #openSlice(part: ReplayPart): void {
    const { broker, lease, laneOptions, onOpened } = this.#options;
    const { stream, priority, filterSubjects, options } = part;
    const name = nameOf(part);
    const progress = new LaneProgress(part);
    const slice: Lane = new Lane({
      ...laneOptions,
      stream,
      priority,
      replay: options.id,
      unit: lease,
      source: broker.lane({
        stream,
        consumer: `replay-${options.id}-${lease.actor}-${priority}-${lease.partition}`,
        filterSubjects,
        forgottenAfterMs: FORGOTTEN_AFTER_MS,
      }),
      capacity: CAPACITY,
      progress,
      mayPull: () => laneOptions.mayPull() && !track.isPaused,
      onDelivery: (_lane, delivery) => this.onDelivery(track, delivery),
      onDrained: () => this.onReached(track),
    });
    const onFreed = (): void => {
      slice.freed();
      if (!track.isEnded) return;
      this.#close(name);
      void slice.stop();
    };
    const track: ReplayTrack = new ReplayTrack({ part, untilSeq: part.untilSeq!, lane: slice, onFreed, progress });
    this.#open.set(name, { track, slice });
    const begin = async (): Promise<void> => {
      await slice.open(undefined, 'beginning');
      if (track.isStopped) return;
      onOpened(slice);
      slice.start();
    };
    begin().catch((error: unknown) => {
      laneOptions.log.warn({ err: error, stream, priority, replay: options.id }, 'a replay could not be begun; trying again');
      this.#open.delete(name);
    });
  }

  #supersede(part: ReplayPart): void {
    const open = this.#open.get(nameOf(part));
    if (open !== undefined) open.track.isStopped = true;
    this.#close(nameOf(part));
  }

  #close(name: string): void {
    this.#open.delete(name);
    this.#over.add(name);
  }

  #end(name: string, track: ReplayTrack, slice: Lane | undefined): void {
    track.isStopped = true;
    this.#close(name);
    if (slice === undefined) track.lane.endReplay(track);
    else void slice.stop();
  }
}

function isOf(part: Pick<ReplayPart, 'stream' | 'priority'>, lane: Pick<ReplayPart, 'stream' | 'priority'>): boolean {
  return part.stream === lane.stream && part.priority === lane.priority;
}

function nameOf({ options, stream, priority }: ReplayPart): string {
  return `${options.id}:${stream}:${priority}`;
}
