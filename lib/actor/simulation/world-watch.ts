import { effectId } from '../../core/identity.ts';
import { isSettledIn } from '../../core/settled-span.ts';
import type { ActorContext } from '../define-actor.ts';
import type { AcquiredUnit, ClaimAnswer, EffectClaim, LaneProgress, OnUnknown, ParkedRow, SettleBatch, UnitLease } from '../record-port.ts';
import type { MessagePlan } from './world-plan.ts';

/** One life of a process, as it is watched. */
export interface WatchedLife {
  readonly name: string;
  readonly isDead: boolean;
}

/** A message of the log with all that has become of it. */
export interface Fate {
  readonly id: string;
  readonly actor: string;
  readonly seq: number;
  readonly plan: MessagePlan;
  readonly unit: string;
  /** Handlers that were started, and those of them that were not settled when their process was killed or lost the unit. */
  starts: number;
  deaths: number;
  /** How often its unit was taken from an owner that had not handed it back. */
  takes: number;
  /** Whose start is not settled yet. */
  startedIn: WatchedLife | undefined;
  /** Final outcomes that were settled. */
  done: number;
  dead: number;
  isHeld: boolean;
  /** The ledger has an effect of it as held: it may end so. */
  mayBeHeld: boolean;
  /** Its row, while it waits. */
  row: ParkedRow | undefined;
}

interface Open {
  readonly fate: Fate;
  readonly life: WatchedLife;
  /** From then on it may have been left behind. */
  readonly leftAt: number;
}

interface Performed {
  readonly onUnknown: OnUnknown;
  /** Those that happened or may have: as the first, and as a repetition. */
  first: number;
  repeated: number;
}

/** What a handler records when it is done. */
export interface DoneRow {
  readonly done: string;
}

/**
 * Sees everything that happens in a world, and says what must not:
 *
 * 1. A handler starts only in the process that has its unit, after all earlier messages of its line have ended, not beside another one of
 *    its key, not before its time, and never after its message has ended.
 * 2. A message ends once: done, dead, or held by an effect of which nobody knows.
 * 3. What the lane's record says is through has ended or waits as a row; no floor goes down; no row goes without an end.
 * 4. What a handler sees of its key's state is what the messages before it have left.
 * 5. An effect happens once; one more time only where its rule is to repeat what nobody knows, and then it is told so.
 */
export class WorldWatch {
  readonly violations: string[] = [];
  readonly fates = new Map<string, Fate>();
  /** Units that were taken from an owner that had not handed them back. */
  readonly unclean = new Set<string>();
  readonly #owners = new Map<string, { readonly name: string; readonly epoch: number }>();
  readonly #bySeq = new Map<string, Fate>();
  readonly #lines = new Map<string, Fate[]>();
  readonly #units = new Map<string, Fate[]>();
  readonly #floors = new Map<string, number>();
  readonly #done = new Map<string, string[]>();
  readonly #open = new Set<Open>();
  readonly #effects = new Map<string, Performed>();
  readonly #rows = new WeakSet<object>();
  readonly #letters = new Set<string>();
  readonly #now: () => number;
  readonly #isRecordedDone: (effect: string) => boolean;

  constructor(options: { readonly now: () => number; readonly isRecordedDone: (effect: string) => boolean }) {
    this.#now = options.now;
    this.#isRecordedDone = options.isRecordedDone;
  }

  stored(fate: Pick<Fate, 'id' | 'actor' | 'seq' | 'plan' | 'unit'>): void {
    const whole: Fate = {
      ...fate,
      starts: 0,
      deaths: 0,
      takes: 0,
      startedIn: undefined,
      done: 0,
      dead: 0,
      isHeld: false,
      mayBeHeld: false,
      row: undefined,
    };
    this.fates.set(fate.id, whole);
    this.#bySeq.set(`${fate.unit}:${fate.seq}`, whole);
    push(this.#lines, lineOf(whole), whole);
    push(this.#units, laneOf(fate.unit, fate.plan.priority), whole);
  }

  /** Whether every message has ended. */
  get isOver(): boolean {
    return this.fates.values().every((fate) => hasEnded(fate));
  }

  /** The messages of a key that are done, in their order: what its state is. */
  doneOf(actor: string, key: string): readonly string[] {
    return this.#done.get(`${actor} ${key}`) ?? [];
  }

  /** A handler starts; the returned function is for its end. */
  begin(
    life: WatchedLife,
    { message, actor }: Pick<ActorContext, 'message' | 'actor'>,
    state: readonly string[],
    timeoutMs: number,
  ): () => void {
    const fate = this.fates.get(message.id)!;
    const { plan } = fate;
    const who = `${fate.id} in ${life.name}`;
    fate.starts++;
    fate.startedIn = life;
    if (hasEnded(fate)) this.violations.push(`${who} was started after its end`);
    const earlier = this.#lines.get(lineOf(fate))!.find((each) => each.seq < fate.seq && !hasEnded(each));
    if (earlier !== undefined) this.violations.push(`${who} was started before ${earlier.id} of its key had ended`);
    const owner = this.#owners.get(fate.unit)?.name;
    if (owner !== life.name) this.violations.push(`${who} was started while ${owner ?? 'nobody'} had its unit`);
    const known = this.doneOf(actor, plan.key);
    if (state.join() !== known.join()) this.violations.push(`${who} sees the state ${state.join(' ')}, and done are ${known.join(' ')}`);
    const due = fate.row?.dueAt ?? 0;
    if (this.#now() < due) this.violations.push(`${who} was started at ${this.#now()}, and is due at ${due}`);
    for (const { fate: other, life: otherLife, leftAt } of this.#open)
      if (otherLife === life && other.actor === actor && other.plan.key === plan.key && this.#now() < leftAt)
        this.violations.push(`${who} was started beside ${other.id} of its key`);
    const open: Open = { fate, life, leftAt: this.#now() + timeoutMs };
    this.#open.add(open);
    return () => void this.#open.delete(open);
  }

  /** A process has died: its handlers will not end. */
  died(life: WatchedLife): void {
    for (const open of this.#open) if (open.life === life) this.#open.delete(open);
    for (const fate of this.fates.values()) if (fate.startedIn === life) this.#die(fate);
  }

  taken(owner: string, { actor, partition, epoch, unclean }: AcquiredUnit): void {
    const unit = unitOf({ actor, partition });
    this.#owners.set(unit, { name: owner, epoch });
    if (!unclean) return;
    this.unclean.add(unit);
    for (const fate of this.fates.values()) {
      if (fate.unit !== unit || hasEnded(fate)) continue;
      fate.takes++;
      if (fate.startedIn !== undefined) this.#die(fate);
    }
  }

  /** Gives whether it still was that owner's. */
  released(lease: UnitLease): boolean {
    const unit = unitOf(lease);
    return this.#owners.get(unit)?.epoch === lease.epoch && this.#owners.delete(unit);
  }

  /** An effect is about to happen; the returned function says that it certainly did not. */
  perform(life: WatchedLife, messageId: string, name: string, onUnknown: OnUnknown, isRepeated: boolean): () => void {
    const id = effectId(messageId, name);
    const effect = this.#effects.get(id) ?? { onUnknown, first: 0, repeated: 0 };
    this.#effects.set(id, effect);
    if (this.#isRecordedDone(id)) this.violations.push(`effect ${id} was repeated in ${life.name}: it was recorded as done`);
    const which = isRepeated ? 'repeated' : 'first';
    effect[which]++;
    if (effect.first > 1)
      this.violations.push(`effect ${id} happened ${effect.first} times in ${life.name}, and was not told to be a repetition`);
    if (effect.repeated > (onUnknown === 'repeat' ? 1 : 0))
      this.violations.push(`effect ${id} (${onUnknown}) was repeated ${effect.repeated} times`);
    return () => void effect[which]--;
  }

  claimed(claims: readonly EffectClaim[], answers: readonly ClaimAnswer[]): void {
    for (const [index, { messageId }] of claims.entries()) if (answers[index]?.kind === 'held') this.fates.get(messageId)!.mayBeHeld = true;
  }

  /** The store has committed a batch, but for the units that it has refused. */
  settled(batch: SettleBatch, refused: readonly UnitLease[]): void {
    const isMine = ({ unit }: { readonly unit: UnitLease }): boolean =>
      !refused.some(({ actor, partition, epoch }) => actor === unit.actor && partition === unit.partition && epoch === unit.epoch);
    // First what waits: one may have waited and ended between two settlings.
    for (const row of batch.parked.filter(isMine)) {
      const fate = this.fates.get(row.messageId)!;
      if (hasEnded(fate)) this.violations.push(`${fate.id} waits again after its end`);
      fate.row = row;
      fate.startedIn = undefined;
    }
    // What is settled once more after an answer was lost is the same.
    for (const { row } of batch.rows.filter(isMine)) if (this.#isNew(row as DoneRow)) this.#end((row as DoneRow).done, 'done');
    for (const letter of batch.deadLetters.filter(isMine)) {
      if (this.#letters.has(letter.id)) continue;
      this.#letters.add(letter.id);
      this.#end(letter.messageId, 'dead');
    }
    for (const { id, state } of batch.effects.filter(isMine))
      if (state === 'held') this.fates.get(id.slice(0, id.lastIndexOf('/')))!.mayBeHeld = true;
    for (const { unit, seq } of batch.unparked.filter(isMine)) {
      const fate = this.#bySeq.get(`${unitOf(unit)}:${seq}`);
      if (fate === undefined) continue;
      fate.row = undefined;
      if (!this.#isThrough(fate)) this.violations.push(`${fate.id} does not wait any more, and has not ended`);
    }
    for (const lane of batch.lanes.filter(isMine)) this.#checkLane(lane);
  }

  #checkLane(progress: LaneProgress): void {
    const { unit, priority, floor } = progress;
    const lane = laneOf(unitOf(unit), priority);
    const before = this.#floors.get(lane) ?? 0;
    this.#floors.set(lane, Math.max(floor, before));
    for (const fate of this.#units.get(lane) ?? [])
      if (isSettledIn(progress, fate.seq) && fate.row === undefined && !this.#isThrough(fate))
        this.violations.push(`${fate.id} (${fate.seq}) is through (floor ${floor}), and has neither ended nor does it wait`);
  }

  #end(messageId: string, how: 'done' | 'dead'): void {
    const fate = this.fates.get(messageId)!;
    fate[how]++;
    if (how === 'done') {
      const name = `${fate.actor} ${fate.plan.key}`;
      this.#done.set(name, [...(this.#done.get(name) ?? []), messageId]);
    }
    fate.startedIn = undefined;
    this.#checkEnds(fate);
  }

  /** What is settled without any other end was held. */
  #isThrough(fate: Fate): boolean {
    if (!hasEnded(fate) && fate.mayBeHeld) fate.isHeld = true;
    return hasEnded(fate);
  }

  #die(fate: Fate): void {
    fate.deaths++;
    fate.startedIn = undefined;
  }

  #checkEnds(fate: Fate): void {
    const { id, done, dead, isHeld } = fate;
    if (done + dead + Number(isHeld) > 1)
      this.violations.push(`${id} has ended ${done} times done, ${dead} times dead${isHeld ? ' and held' : ''}`);
  }

  #isNew(row: object): boolean {
    const isNew = !this.#rows.has(row);
    this.#rows.add(row);
    return isNew;
  }
}

export function hasEnded({ done, dead, isHeld }: Fate): boolean {
  return done + dead > 0 || isHeld;
}

/** The address of a line: one key's messages of one lane. */
function lineOf({ unit, plan }: Fate): string {
  return `${unit}:${plan.priority}:${plan.key}`;
}

function laneOf(unit: string, priority: string): string {
  return `${unit}:${priority}`;
}

function unitOf({ actor, partition }: Pick<UnitLease, 'actor' | 'partition'>): string {
  return `${actor}/${partition}`;
}

function push(map: Map<string, Fate[]>, name: string, fate: Fate): void {
  const all = map.get(name);
  if (all === undefined) map.set(name, [fate]);
  else all.push(fate);
}
