import type { Clock } from '../core/clock.ts';
import type { ActorDefinition } from './define-actor.ts';
import type { ActorObserver } from './observer.ts';
import { type Placement, placeUnits } from './placement.ts';
import type { AcquiredUnit, RecordPort, Survey, UnitId } from './record-port.ts';
import type { RuntimeLog } from './report-attempt.ts';
import type { Unit } from './unit.ts';

/**
 * Which units this process holds: takes what is free and meant for it, and hands over what it has above its share, each after a drain
 * of that unit alone. `placement.ts` decides; this room looks, takes and lets go.
 */
export interface UnitPlacerOptions {
  readonly owner: string;
  readonly definitions: readonly ActorDefinition[];
  readonly record: RecordPort;
  readonly clock: Clock;
  readonly log: RuntimeLog;
  readonly observer: ActorObserver;
  readonly leaseMs: number;
  /** How long a process has to be there before units are handed over to it. */
  readonly newcomerMs: number;
  /** `askedAt`: monotonic time at which it was asked for. */
  readonly createUnit: (acquired: AcquiredUnit, definition: ActorDefinition, askedAt: number) => Unit;
}

/** How long a hand-over waits for the log to take what was settled. */
const OUTPUTS_WITHIN_MS = 2_000;

/** How long to wait before the store is asked again. */
const RELEASE_AGAIN_MS = 250;

/** Where a definition does not say. */
const DEFAULT_PARTITIONS = 4;

export class UnitPlacer {
  readonly #options: UnitPlacerOptions;
  readonly #units = new Map<string, Unit>();
  /** Drained, and on their way back into the record. */
  readonly #releasing = new Set<Unit>();
  /** Counts what went: a survey from before is old. */
  #departures = 0;
  #isStopped = false;

  constructor(options: UnitPlacerOptions) {
    this.#options = options;
  }

  get units(): Unit[] {
    return [...this.#units.values()];
  }

  find({ actor, partition }: UnitId): Unit | undefined {
    return this.#units.get(`${actor}/${partition}`);
  }

  /** Begins nothing more; what is under way goes on. */
  stop(): void {
    this.#isStopped = true;
  }

  clear(): void {
    this.#units.clear();
  }

  /** Looks who is there and what is free, and does its part. Resolves when what is meant for this process is taken, not opened. */
  async check(): Promise<void> {
    if (this.#isStopped) return;
    const { definitions, record, observer } = this.#options;
    const departures = this.#departures;
    const survey = await record.survey(definitions.map(({ name }) => name));
    // What has left meanwhile may still be ours in it.
    if (this.#isStopped || departures !== this.#departures) return;
    const wanted: UnitId[] = [];
    for (const definition of definitions) {
      const { take, surplus } = this.#place(definition, survey);
      wanted.push(...take.map((partition) => ({ actor: definition.name, partition })));
      this.#handOver(definition.name, surplus);
    }
    await this.#take(wanted);
    for (const { name } of definitions) observer.units(name, this.#of(name).length);
  }

  lose(unit: Unit): void {
    unit.drop();
    if (this.find(unit.lease) !== unit || this.#releasing.has(unit)) return;
    this.#forget(unit);
    this.#options.observer.unitMoved(unit.lease.actor, 'lost');
  }

  #of(actor: string): Unit[] {
    return this.units.filter(({ lease }) => lease.actor === actor);
  }

  #forget({ lease }: Unit): void {
    this.#units.delete(`${lease.actor}/${lease.partition}`);
    this.#departures++;
  }

  #place({ name: actor, partitions = DEFAULT_PARTITIONS }: ActorDefinition, survey: Survey): Placement {
    const { owner: self, newcomerMs, observer } = this.#options;
    const owners = Array.from({ length: partitions }, (_, partition) => {
      const found = survey.units.find((unit) => unit.actor === actor && unit.partition === partition);
      return found?.owner ?? undefined;
    });
    const members = survey.members
      .filter(({ actors }) => actors.includes(actor))
      .map(({ name, ageMs }) => ({ name, isNew: ageMs < newcomerMs }));
    observer.members(actor, new Set([self, ...members.map(({ name }) => name)]).size);
    const { take, surplus } = placeUnits({ actor, self, members, owners });
    // What an earlier life of this process has left is its own, whatever its share: nobody else may have it before its lease is over.
    const left = owners.flatMap((owner, partition) => (owner === self && this.find({ actor, partition }) === undefined ? [partition] : []));
    // One whose lease ran out unrenewed is still at work here until somebody takes it.
    const isOurs = (partition: number): boolean => this.find({ actor, partition }) !== undefined;
    return { take: [...left, ...take.filter((partition) => !isOurs(partition))], surplus };
  }

  async #take(wanted: readonly UnitId[]): Promise<void> {
    if (wanted.length === 0) return;
    const { owner, definitions, record, clock, leaseMs, createUnit, observer, log } = this.#options;
    const askedAt = clock.monotonic();
    const acquired = await record.acquire(owner, wanted, leaseMs);
    if (this.#isStopped) return await record.release(acquired);
    for (const each of acquired) {
      const { actor, partition, epoch, unclean } = each;
      const unit = createUnit(
        each,
        definitions.find(({ name }) => name === actor)!,
        askedAt,
      );
      this.#units.set(`${actor}/${partition}`, unit);
      observer.unitMoved(actor, unclean ? 'taken_over' : 'taken');
      log.info({ actor, partition, epoch, state: unclean ? 'unclean' : 'clean' }, 'unit taken');
      void this.#open(unit);
    }
  }

  async #open(unit: Unit): Promise<void> {
    try {
      await unit.open();
    } catch (error) {
      this.#options.log.warn({ err: error, ...unit.lease }, 'a unit could not be opened; it is taken again');
      this.lose(unit);
    }
  }

  #handOver(actor: string, surplus: number): void {
    const own = this.#of(actor);
    const leaving = own.filter(({ isLeaving }) => isLeaving).length;
    const others = own.filter((unit) => !unit.isLeaving && unit.mayLeave);
    if (surplus <= leaving) return;
    for (const unit of others.slice(leaving - surplus)) void this.#letGo(unit);
  }

  async #letGo(unit: Unit): Promise<void> {
    const { clock, log, observer } = this.#options;
    const begun = clock.monotonic();
    const { actor, partition, epoch } = unit.lease;
    log.info({ actor, partition, epoch }, 'a unit is drained, for a process with less than its share');
    await unit.drain(OUTPUTS_WITHIN_MS);
    // Somebody else has it, or a stop hands it back.
    if (unit.isDropped || this.#isStopped) return;
    this.#releasing.add(unit);
    unit.drop();
    while (!(await this.#release(unit)) && !this.#isStopped) await new Promise<void>((resolve) => clock.after(RELEASE_AGAIN_MS, resolve));
    this.#releasing.delete(unit);
    this.#forget(unit);
    observer.unitMoved(actor, 'handed_over');
    log.info({ actor, partition, epoch, ms: Math.round(clock.monotonic() - begun) }, 'unit handed over');
  }

  async #release(unit: Unit): Promise<boolean> {
    const { record, log } = this.#options;
    try {
      await record.release([unit.lease]);
      return true;
    } catch (error) {
      log.warn({ err: error, ...unit.lease }, 'a unit could not be handed over; trying again');
      return false;
    }
  }
}
