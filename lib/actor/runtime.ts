import type { Clock } from '../core/clock.ts';
import type { BrokerPort, LaneSpec } from './broker-port.ts';
import { Claims } from './claims.ts';
import type { DeadLetterSubjects } from './dead-letter.ts';
import type { ActorDefinition } from './define-actor.ts';
import { Executor } from './executor.ts';
import type { Line } from './line.ts';
import type { Message } from './message.ts';
import type { ActorObserver } from './observer.ts';
import { Outbox } from './outbox.ts';
import { Quarantine } from './quarantine.ts';
import type { LaneId, Member, RecordPort, UnitLease } from './record-port.ts';
import { ReplayPacer } from './replay-pacer.ts';
import type { RuntimeLog } from './report-attempt.ts';
import { Sequence } from './sequence.ts';
import { Settler } from './settler.ts';
import { Timers } from './timers.ts';
import { Unit } from './unit.ts';
import { UnitPlacer } from './unit-placer.ts';

/**
 * All actors of one process: takes its share of their units by lease, keeps them, hands them back.
 *
 * 1. A unit is used only while the last renewal that succeeded was *sent* less than `fenceMs` ago, by this process's own
 *    monotonic clock; the store's epoch stops whatever slips through.
 * 2. `stop` starts nothing new, lets what runs end within its time, settles, publishes, and hands the units back.
 */
export interface RuntimeOptions {
  /** The process's name; an earlier life under the same name may be taken over at once. */
  readonly owner: string;
  /** Unique to this life of the process. */
  readonly nonce: string;
  readonly actors: readonly ActorDefinition[];
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly lanesOf: (definition: ActorDefinition, partition: number) => readonly (LaneId & { readonly spec: LaneSpec })[];
  readonly subjects: DeadLetterSubjects;
  /** Who has sent a message; sources share an actor's slots. (Default: all are of one) */
  readonly sourceOf?: (message: Message) => string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: RuntimeLog;
  readonly observer: ActorObserver;
  readonly timing?: Partial<RuntimeTiming>;
}

export interface RuntimeTiming {
  /** How long a lease lasts. (Default: 3000) */
  readonly leaseMs: number;
  /** How often leases are renewed: three tries fit into a lease. (Default: 750) */
  readonly renewMs: number;
  /** How long after a renewal was sent its unit is used. (Default: 2500, so that a pull of 1 s ends within the next lease) */
  readonly fenceMs: number;
  /** Longest open pull. (Default: 1000) */
  readonly pullExpiresMs: number;
  /** How often units, rows parked by others and outputs that are due are looked for. (Default: 500) */
  readonly checkMs: number;
  /** How long a process has to be there before units are handed over to it. (Default: 2000, which most that cannot live do not reach) */
  readonly newcomerMs: number;
  /** Deliveries in hand per lane: a quarter of the consumer's `max_ack_pending`. (Default: 256) */
  readonly capacity: number;
  /**
   * From one settling to the next, while they have several messages: at 300 messages a second some three share one, which halves what each
   * costs the database. (Default: 8)
   */
  readonly settlePaceMs: number;
  /** The same for claims of effects, which people wait for. (Default: 4) */
  readonly claimPaceMs: number;
}

export const RUNTIME_TIMING: RuntimeTiming = {
  leaseMs: 3_000,
  renewMs: 750,
  fenceMs: 2_500,
  pullExpiresMs: 1_000,
  checkMs: 500,
  newcomerMs: 2_000,
  capacity: 256,
  settlePaceMs: 8,
  claimPaceMs: 4,
};

/** How often a replay with a rate lets go what it may: often enough that it is even, seldom enough to cost nothing. */
const REPLAY_PACE_MS = 100;

export interface RuntimeStatus {
  readonly units: number;
  readonly openUnits: number;
  /** Those that are drained for a hand-over. */
  readonly leavingUnits: number;
  readonly outbox: number;
  /** The last renewal or look for units succeeded this many milliseconds ago. */
  readonly recordAgeMs: number;
}

export class ActorRuntime {
  readonly #options: RuntimeOptions;
  readonly #timing: RuntimeTiming;
  readonly #placer: UnitPlacer;
  readonly #executors = new Map<string, Executor>();
  readonly #abort = new AbortController();
  readonly #settler: Settler;
  readonly #outbox: Outbox;
  readonly #timers: Timers;
  readonly #quarantine: Quarantine;
  readonly #pacer: ReplayPacer;
  readonly #cancels = new Set<() => void>();
  #recordSeenAt = Number.NEGATIVE_INFINITY;
  #isStopping = false;
  #isReleased = false;
  #stopped: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#timing = { ...RUNTIME_TIMING, ...options.timing };
    const { fenceMs, leaseMs, pullExpiresMs, capacity, newcomerMs, settlePaceMs, claimPaceMs } = this.#timing;
    if (!(fenceMs < leaseMs)) throw new RangeError(`fenceMs: expected less than leaseMs (${leaseMs}), got ${fenceMs}`);
    const { owner, record, broker, clock, log, observer, nonce, subjects, random, lanesOf, sourceOf = () => '' } = options;
    this.#settler = new Settler({ record, clock, log, onBatch: (count, ms) => observer.settled(count, ms), paceMs: settlePaceMs });
    this.#outbox = new Outbox({ broker, clock, log, onPublished: ({ unit, id }, seq) => this.#settler.forget(unit, id, seq) });
    this.#timers = new Timers({ record, outbox: this.#outbox, clock });
    this.#pacer = new ReplayPacer(record);
    this.#quarantine = new Quarantine(() => this.#pump());
    const claims = new Claims({ record, clock, nonce, paceMs: claimPaceMs });
    const shared = { broker, record, claims, settler: this.#settler, outbox: this.#outbox, observer, clock, log };
    const suspectStarts = new Sequence();
    for (const definition of options.actors)
      this.#executors.set(
        definition.name,
        new Executor(definition, {
          ...shared,
          quarantine: this.#quarantine,
          suspectStarts,
          subjects,
          sourceOf,
          random,
          stop: this.#abort.signal,
        }),
      );
    const offer = (unit: Unit, line: Line): void => this.#executors.get(unit.lease.actor)!.offer(unit, line);
    const environment = { ...shared, lanesOf, capacity, pullExpiresMs, fenceMs, offer };
    this.#placer = new UnitPlacer({
      owner,
      definitions: options.actors,
      record,
      clock,
      log,
      observer,
      leaseMs,
      newcomerMs,
      createUnit: (acquired, definition, askedAt) => new Unit(acquired, definition, askedAt, environment),
    });
  }

  /** Begins to look for units; resolves at once. */
  start(): void {
    this.#every(this.#timing.checkMs, () => this.#place());
    this.#every(this.#timing.checkMs, () => this.#adopt());
    this.#every(this.#timing.checkMs, () => this.#fire());
    this.#every(this.#timing.checkMs, () => this.#replay());
    this.#every(REPLAY_PACE_MS, () => this.#pace());
    this.#every(this.#timing.renewMs, () => this.#renew());
  }

  status(): RuntimeStatus {
    const { units } = this.#placer;
    const recordAgeMs = this.#options.clock.monotonic() - this.#recordSeenAt;
    return {
      units: units.length,
      openUnits: units.filter(({ isOpen }) => isOpen).length,
      leavingUnits: units.filter(({ isLeaving }) => isLeaving).length,
      outbox: this.#outbox.pending,
      recordAgeMs,
    };
  }

  /** May be called twice. After `drainMs` handlers that still run are aborted, and their messages left to the next owner. */
  stop(drainMs: number): Promise<void> {
    this.#stopped ??= this.#stop(drainMs);
    return this.#stopped;
  }

  async #stop(drainMs: number): Promise<void> {
    const { clock, record, log } = this.#options;
    this.#isStopping = true;
    this.#placer.stop();
    for (const executor of this.#executors.values()) executor.stop();
    const { units } = this.#placer;
    const cancelAbort = clock.after(drainMs, () => this.#abort.abort());
    const cancelGiveUp = clock.after(drainMs * 2, () => this.#outbox.stop());
    await Promise.all(units.map((unit) => unit.stopPulling()));
    await this.#quarantine.idle();
    cancelAbort();
    await this.#settler.idle();
    await this.#outbox.idle();
    cancelGiveUp();
    await this.#settler.idle();
    this.#isReleased = true;
    for (const cancel of this.#cancels) cancel();
    const leases = units.filter((unit) => !unit.isDropped).map(({ lease }) => lease);
    for (const unit of units) unit.drop();
    this.#placer.clear();
    await record
      .release(leases)
      .then(() => record.leave(this.#member))
      .catch((error: unknown) => log.warn({ err: error }, 'units could not be handed back; their leases run out'));
  }

  async #place(): Promise<void> {
    if (this.#isStopping) return;
    await this.#placer.check();
    this.#recordSeenAt = this.#options.clock.monotonic();
  }

  async #renew(): Promise<void> {
    const { record, clock, log } = this.#options;
    this.#options.observer.outbox(this.#outbox.pending);
    const { units } = this.#placer;
    const sentAt = clock.monotonic();
    const kept = await record.renew(
      this.#member,
      units.map(({ lease }) => lease),
      this.#timing.leaseMs,
    );
    // Before the first look for units a process that has none would seem to be ready.
    if (this.#recordSeenAt > Number.NEGATIVE_INFINITY) this.#recordSeenAt = clock.monotonic();
    const isKept = ({ lease }: Unit): boolean =>
      kept.some((each: UnitLease) => each.actor === lease.actor && each.partition === lease.partition && each.epoch === lease.epoch);
    for (const unit of units) {
      if (unit.isDropped) this.#placer.lose(unit);
      else if (isKept(unit)) unit.leasedAt = sentAt;
      else {
        log.warn(unit.lease, 'a unit has a new owner');
        this.#placer.lose(unit);
      }
    }
    this.#pump();
  }

  async #adopt(): Promise<void> {
    const units = this.#placer.units.filter(({ isWorking }) => isWorking);
    if (units.length === 0 || this.#isStopping) return;
    for (const row of await this.#options.record.adopt(units.map(({ lease }) => lease))) this.#placer.find(row.unit)?.adopt(row);
  }

  async #replay(): Promise<void> {
    const units = this.#placer.units.filter(({ isWorking }) => isWorking);
    if (units.length === 0 || this.#isStopping) return;
    const parts = await this.#options.record.replays(units.map(({ lease }) => lease));
    for (const { replays, lease } of units)
      replays.sync(parts.filter(({ actor, partition }) => actor === lease.actor && partition === lease.partition));
    for (const name of this.#executors.keys()) {
      const tracks = units.filter(({ lease }) => lease.actor === name).flatMap(({ replays }) => replays.tracks);
      this.#options.observer.replaying(name, tracks.filter(({ isPaused }) => !isPaused).length);
    }
  }

  async #pace(): Promise<void> {
    if (this.#isStopping) return;
    await this.#pacer.pace(this.#placer.units.filter(({ mayStart }) => mayStart).map(({ replays }) => replays));
  }

  async #fire(): Promise<void> {
    const units = this.#placer.units.filter(({ isWorking }) => isWorking);
    if (!this.#isStopping) await this.#timers.fire(units.map(({ lease }) => lease));
  }

  /** This process, as the others are to see it. */
  get #member(): Member {
    const { owner: name, nonce } = this.#options;
    return { name, nonce, actors: this.#isStopping ? [] : [...this.#executors.keys()] };
  }

  #pump(): void {
    for (const executor of this.#executors.values()) executor.pump();
  }

  /** Runs `work` now and then again and again, `ms` after it ended. */
  #every(ms: number, work: () => Promise<void>): void {
    const { clock, log } = this.#options;
    let cancel: () => void = () => undefined;
    const run = async (): Promise<void> => {
      this.#cancels.delete(cancel);
      try {
        await work();
      } catch (error) {
        log.warn({ err: error }, "the lanes' record did not answer; trying again");
      }
      if (this.#isReleased) return;
      cancel = clock.after(ms, () => void run());
      this.#cancels.add(cancel);
    };
    void run();
  }
}
