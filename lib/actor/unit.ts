import type { Clock } from '../core/clock.ts';
import { isBroken } from '../core/guards.ts';
import type { BrokerPort, Delivery, LaneSpec } from './broker-port.ts';
import { type ActorDefinition, type ActorLog, DEFAULT_SLOTS } from './define-actor.ts';
import { Lane } from './lane.ts';
import { LastHands } from './last-hands.ts';
import type { Line } from './line.ts';
import { Mailboxes } from './mailboxes.ts';
import type { Message } from './message.ts';
import { type ActorObserver, within } from './observer.ts';
import type { Outbox } from './outbox.ts';
import { type Parsed, parseInput } from './parsed.ts';
import type { AcquiredUnit, LaneId, ParkedRow, RecordPort, UnitLease } from './record-port.ts';
import type { Settler } from './settler.ts';
import { StateCache } from './states.ts';
import type { ReplayTrack } from './replay-track.ts';
import { Suspects } from './suspects.ts';
import { UnitReplays, type UnitReplaysOptions } from './unit-replays.ts';

/**
 * One partition of one actor while this process owns it: its lease, its lanes, and its mailboxes, which say what is ready.
 * After `drop` nothing is pulled or offered any more, whatever is still under way.
 */
export interface UnitEnvironment {
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly settler: Settler;
  readonly outbox: Outbox;
  readonly observer: ActorObserver;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** Where the actor's lanes of one partition read. */
  readonly lanesOf: (definition: ActorDefinition, partition: number) => readonly (LaneId & { readonly spec: LaneSpec })[];
  /** Deliveries in hand per lane. */
  readonly capacity: number;
  readonly pullExpiresMs: number;
  readonly fenceMs: number;
  /** A line is ready. */
  readonly offer: (unit: Unit, line: Line) => void;
}

/**
 * Outputs that wait for the log, of the whole process, above which nothing more is pulled: a log that is full for outputs and not
 * for inputs would fill the memory. Far below what the publisher takes, which would lose the order of keys past its own limit.
 */
const MAX_UNPUBLISHED = 4_000;

/** How long to wait before the lease is looked at again. */
const LEASE_AGAIN_MS = 250;

export class Unit {
  readonly lease: UnitLease;
  readonly definition: ActorDefinition;
  readonly suspects: Suspects;
  readonly states = new StateCache();
  readonly mailboxes: Mailboxes;
  readonly replays: UnitReplays;
  /** Monotonic time at which the last renewal that succeeded was sent. */
  leasedAt: number;
  isDropped = false;
  /** It is about to be handed over: nothing more is pulled or started. */
  isLeaving = false;
  #isOpened = false;
  readonly #isUnclean: boolean;
  readonly #environment: UnitEnvironment;
  readonly #lastHands: LastHands;
  #lanes: Lane[] = [];

  constructor(unit: AcquiredUnit, definition: ActorDefinition, leasedAt: number, environment: UnitEnvironment) {
    this.lease = { actor: unit.actor, partition: unit.partition, epoch: unit.epoch };
    this.suspects = new Suspects(this.lease);
    this.#isUnclean = unit.unclean;
    this.definition = definition;
    this.#lastHands = new LastHands(definition.slots ?? DEFAULT_SLOTS);
    this.leasedAt = leasedAt;
    this.#environment = environment;
    const { record, settler, observer, clock, log, offer } = environment;
    this.mailboxes = new Mailboxes({
      lease: this.lease,
      isUnclean: unit.unclean,
      record,
      settler,
      observer,
      clock,
      log,
      offer: (line) => offer(this, line),
      onRefused: () => this.drop(),
    });
    this.replays = new UnitReplays({
      lease: this.lease,
      broker: environment.broker,
      record,
      settler,
      laneOptions: this.#laneOptions(),
      laneOf: ({ stream, priority }) => this.#lanes.find((lane) => lane.stream === stream && lane.priority === priority),
      arrive: (track, delivery, lane) => this.#arriveAgain(track, delivery, lane),
      onOpened: (lane) => {
        if (this.#isUnclean) this.#lastHands.add(lane, environment.capacity);
      },
      onReplayed: (messages) => observer.replayed(this.definition.name, messages),
      onRefused: () => this.drop(),
    });
  }

  /** Whether it is taken over, and every lane stands where its record says. */
  get isOpen(): boolean {
    return this.#isOpened && this.#lanes.every((lane) => lane.isPositioned);
  }

  /** Whether this process may still pull, start and settle for this unit, by its own clock. */
  get isLeased(): boolean {
    const isInTime = this.#environment.clock.monotonic() - this.leasedAt < this.#environment.fenceMs;
    return !this.isDropped && (isInTime || isBroken('lease'));
  }

  /** Whether a handler may start. */
  get mayStart(): boolean {
    return this.isLeased && !this.isLeaving;
  }

  /** Whether it is taken over and may be worked for, and is to stay here. */
  get isWorking(): boolean {
    return this.isOpen && this.mayStart;
  }

  /** Whether it has been taken over so far that it can be handed on; one that is still being opened cannot. */
  get mayLeave(): boolean {
    return this.#isOpened && this.isLeased;
  }

  /** Without a valid lease nothing starts: true when there is one again, false when the unit is gone or `isOver`. */
  async isLeasedAgain(isOver: () => boolean): Promise<boolean> {
    while (!this.isLeased) {
      if (this.isDropped || isOver()) return false;
      await new Promise<void>((resolve) => this.#environment.clock.after(LEASE_AGAIN_MS, resolve));
    }
    return true;
  }

  /** Takes over: publishes what the last owner had settled, restores what waits, then begins to pull. */
  async open(): Promise<void> {
    const { record, outbox, broker, lanesOf } = this.#environment;
    const { lanes, waiting, suspects, outbox: unpublished } = await record.load(this.lease);
    this.suspects.restore(suspects);
    await outbox.send(unpublished);
    const parts = await record.replays([this.lease]);
    const isNew: Lane[] = [];
    for (const { stream, priority, spec } of lanesOf(this.definition, this.lease.partition)) {
      const known = lanes.find((lane) => lane.stream === stream && lane.priority === priority);
      const lane = this.#createLane({ stream, priority }, broker.lane(spec));
      await lane.open(known, this.definition.start ?? 'end', () => this.replays.restore(parts, lane));
      if (known === undefined) isNew.push(lane);
      else if (this.#isUnclean) this.#lastHands.add(lane, this.#environment.capacity);
      this.#lanes.push(lane);
    }
    if (isNew.length > 0) await new Promise<void>((resolve) => this.#note(isNew, resolve));
    if (this.isDropped) return;
    for (const { head, behind } of waiting) this.mailboxes.restore(head, behind);
    for (const lane of this.#lanes) lane.start();
    this.replays.sync(parts);
    this.#isOpened = true;
  }

  /** Ends pulling; what is in hand may still be handled and settled. */
  async stopPulling(): Promise<void> {
    await Promise.all([this.replays.stop(), ...this.#lanes.map((lane) => lane.stop())]);
  }

  /**
   * Before a hand-over: ends pulling, lets what runs end (an actor's `timeoutMs` bounds that) and settles it; what was not started is
   * the next owner's. Outputs that the log does not take by then are the next owner's, too: their rows are there.
   */
  async drain(outputsWithinMs: number): Promise<void> {
    const { settler, outbox, clock } = this.#environment;
    this.isLeaving = true;
    await this.stopPulling();
    await this.mailboxes.idle();
    await settler.passed(this.lease);
    let cancel: () => void = () => undefined;
    await Promise.race([
      outbox.idleOf(this.lease),
      new Promise<void>((resolve) => {
        cancel = clock.after(outputsWithinMs, resolve);
      }),
    ]);
    cancel();
    await settler.passed(this.lease);
  }

  /** Somebody else owns the unit now, or nobody: forgets all of it at once. */
  drop(): void {
    if (this.isDropped) return;
    this.isDropped = true;
    this.mailboxes.drop();
    this.states.clear();
    void this.stopPulling();
  }

  /** A row that somebody else parked for this unit: runs as soon as its line lets it. */
  adopt(row: ParkedRow): void {
    // Its next owner is handed it again.
    if (!this.isDropped && row.unit.epoch === this.lease.epoch) this.mailboxes.adopt(row);
  }

  #createLane(id: LaneId, source: Lane['source']): Lane {
    return new Lane({
      ...id,
      ...this.#laneOptions(),
      unit: this.lease,
      source,
      capacity: this.#environment.capacity,
      onDelivery: (lane, delivery) => this.#arrive(lane, delivery),
      onReplayed: (replay, delivery) => this.replays.onDelivery(replay, delivery),
      onReached: (replay) => this.replays.onReached(replay),
      onReset: (lane, fromSeq) => this.replays.recordReset(lane, fromSeq),
    });
  }

  #laneOptions(): UnitReplaysOptions['laneOptions'] {
    const { pullExpiresMs, clock, log, observer, outbox } = this.#environment;
    return {
      clock,
      log,
      pullExpiresMs,
      isLeased: () => this.isLeased,
      mayPull: () => this.isLeased && outbox.pending < MAX_UNPUBLISHED,
      onRepoint: (cause, lane) => {
        observer.repointed(this.definition.name, cause);
        // The next owner must not take it for a reset by hand, also where the replay is aborted while nobody runs.
        if (cause === 'replay') this.#note([lane]);
      },
    };
  }

  /** Records how far lanes are, and where their consumers were pointed to. */
  #note(touched: readonly Lane[], onEnd: () => void = () => undefined): void {
    const { settler } = this.#environment;
    settler.submit({ unit: this.lease, touched, onCommitted: onEnd, onRefused: onEnd, onPoisoned: onEnd });
  }

  /** One that is handled once more; false where its first handling has not ended. */
  #arriveAgain(track: ReplayTrack, delivery: Delivery, lane: Lane): boolean {
    if (this.isDropped) return true;
    const message = track.messageOf(delivery);
    const parsed = this.#parse(message);
    if (this.mailboxes.isStillWaiting(parsed.key, lane, message.seq)) return false;
    const isBehind = this.mailboxes.isWaiting(parsed.key, track);
    const suspicion = this.#lastHands.judge(track.lane, message.seq, parsed.key, isBehind);
    this.mailboxes.arrive({ lane: track, message, delivery, parsed, suspicion });
    return true;
  }

  #arrive(lane: Lane, delivery: Delivery): void {
    if (this.isDropped) return;
    const { message } = delivery;
    const parsed = this.#parse(message);
    const isBehind = this.mailboxes.isWaiting(parsed.key, lane);
    const suspicion = this.#lastHands.judge(lane, message.seq, parsed.key, isBehind);
    this.mailboxes.arrive({ lane, message, delivery, parsed, suspicion });
  }

  /** An input can stand still as a handler can. */
  #parse(message: Message): Parsed {
    return within(this.#environment.observer, this.definition.name, message, () => parseInput(this.definition, message));
  }
}
