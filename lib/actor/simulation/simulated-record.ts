import type { Clock } from '../../core/clock.ts';
import { isTimer } from '../record-port.ts';
import type { ConsumerReset, ReplayPart } from '../replay.ts';
import { address, bySeq, parkedAddress, unitKey } from './simulated-address.ts';
import { canBecome, type Effect } from './simulated-effect.ts';
import { SimulatedLanes } from './simulated-lanes.ts';
import { SimulatedMembers } from './simulated-members.ts';
import { handPart } from './simulated-replay.ts';
import { SimulatedStates } from './simulated-states.ts';
import type {
  AcquiredUnit,
  ClaimAnswer,
  DeadLetter,
  EffectClaim,
  LaneId,
  Member,
  OutboxEntry,
  ParkedRow,
  RecordPort,
  SettleBatch,
  StateId,
  StoredState,
  SuspectStart,
  Survey,
  UnitId,
  UnitLease,
  UnitRecord,
} from '../record-port.ts';

/** The lanes' record in memory, with the fence and the ledger's state machine. */
export class SimulatedRecord implements RecordPort {
  readonly deadLetters = new Map<string, DeadLetter & { copySeq?: number }>();
  readonly effects = new Map<string, Effect>();
  readonly rows: unknown[] = [];
  /** Replays with all of their parts; those that are over stay. */
  readonly replayParts: ReplayPart[] = [];
  /** What actors keep of their keys. */
  readonly states = new SimulatedStates();
  readonly lanes = new SimulatedLanes();
  readonly #clock: Clock;
  readonly #units = new Map<string, { owner: string | undefined; epoch: number; until: number }>();
  readonly #members: SimulatedMembers;
  readonly #parked = new Map<string, Parked>();
  readonly #suspects = new Map<string, SuspectStart>();
  readonly #outbox: OutboxEntry[] = [];
  #resets = 0;
  readonly #timers: (OutboxEntry & { readonly dueAt: number })[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#members = new SimulatedMembers(clock);
  }

  acquire(owner: string, units: readonly UnitId[], leaseMs: number): Promise<AcquiredUnit[]> {
    const taken: AcquiredUnit[] = [];
    for (const { actor, partition } of units) {
      const unit = this.#units.get(unitKey({ actor, partition })) ?? { owner: undefined, epoch: 0, until: 0 };
      if (unit.owner !== undefined && unit.owner !== owner && unit.until > this.#clock.monotonic()) continue;
      this.#units.set(unitKey({ actor, partition }), { owner, epoch: unit.epoch + 1, until: this.#clock.monotonic() + leaseMs });
      taken.push({ actor, partition, epoch: unit.epoch + 1, unclean: unit.owner !== undefined });
    }
    return Promise.resolve(taken);
  }

  renew(owner: Member, leases: readonly UnitLease[], leaseMs: number): Promise<UnitLease[]> {
    this.#members.see(owner, leaseMs);
    const kept = leases.filter((lease) => this.#isCurrent(lease) && this.#units.get(unitKey(lease))?.owner === owner.name);
    for (const lease of kept) this.#units.get(unitKey(lease))!.until = this.#clock.monotonic() + leaseMs;
    return Promise.resolve(kept);
  }

  survey(actors: readonly string[]): Promise<Survey> {
    const now = this.#clock.monotonic();
    const units = [...this.#units].map(([key, { owner, until }]) => {
      const [actor, partition] = key.split('/');
      return { actor: actor!, partition: Number(partition), owner: owner === undefined || until <= now ? null : owner };
    });
    return Promise.resolve({ members: this.#members.living(), units: units.filter(({ actor }) => actors.includes(actor)) });
  }

  leave(member: Member): Promise<void> {
    this.#members.remove(member);
    return Promise.resolve();
  }

  release(leases: readonly UnitLease[]): Promise<void> {
    for (const lease of leases) if (this.#isCurrent(lease)) this.#units.get(unitKey(lease))!.owner = undefined;
    return Promise.resolve();
  }

  load(lease: UnitLease): Promise<UnitRecord> {
    const mine = <Row extends { unit: UnitId }>(rows: Iterable<Row>): Row[] =>
      [...rows].filter(({ unit }) => unitKey(unit) === unitKey(lease)).map((row) => ({ ...row, unit: lease }));
    const lines = new Map<string, ParkedRow[]>();
    for (const row of mine(this.#parked.values())) {
      if (!row.isAdopted) continue;
      const id = `${row.stream}:${row.priority}:${row.key}:${row.replay ?? ''}`;
      lines.set(id, [...(lines.get(id) ?? []), row]);
    }
    const waiting = [...lines.values()].map((rows) => ({ head: rows.sort(bySeq)[0]!, behind: rows.length - 1 }));
    return Promise.resolve({
      lanes: mine(this.lanes.all()),
      waiting,
      suspects: mine(this.#suspects.values()),
      outbox: mine(this.#outbox),
    });
  }

  settle(batch: SettleBatch): Promise<{ refused: readonly UnitLease[] }> {
    const refused = new Map<string, UnitLease>();
    const isMine = ({ unit }: { unit: UnitLease }): boolean => {
      if (this.#isCurrent(unit)) return true;
      refused.set(`${unitKey(unit)}:${unit.epoch}`, unit);
      return false;
    };
    for (const lane of batch.lanes.filter(isMine)) this.lanes.put(lane);
    for (const row of batch.parked.filter(isMine)) this.#parked.set(parkedAddress(row), { ...row, isAdopted: true });
    for (const row of batch.unparked.filter(isMine)) this.#parked.delete(parkedAddress(row));
    for (const row of batch.cleared.filter(isMine)) this.#suspects.delete(address(row));
    for (const { unit, id, state, result } of batch.effects.filter(isMine)) {
      const effect = this.effects.get(id);
      if (effect !== undefined && canBecome(effect, state, unit)) Object.assign(effect, { state, result, epoch: unit.epoch });
    }
    for (const letter of batch.deadLetters.filter(isMine)) this.deadLetters.set(letter.id, letter);
    const isKnown = ({ id, unit }: OutboxEntry): boolean => {
      const isSame = (entry: OutboxEntry): boolean => entry.id === id && unitKey(entry.unit) === unitKey(unit);
      return this.#outbox.some(isSame) || this.#timers.some(isSame);
    };
    const fresh = batch.outbox.filter((entry) => isMine(entry) && !isKnown(entry));
    this.#outbox.push(...fresh.filter((entry) => !isTimer(entry)));
    this.#timers.push(...fresh.filter(isTimer));
    for (const { unit, id, seq } of batch.published.filter(isMine)) {
      for (const entries of [this.#outbox, this.#timers]) {
        const index = entries.findIndex((entry) => entry.id === id && unitKey(entry.unit) === unitKey(unit));
        if (index >= 0) entries.splice(index, 1);
      }
      const letter = this.deadLetters.get(id);
      if (letter !== undefined) letter.copySeq = seq;
    }
    for (const { unit, replay, isEnded, ...progress } of batch.replays.filter(isMine)) {
      const { stream, priority } = progress;
      const index = this.replayParts.findIndex(
        (part) => part.options.id === replay && unitKey(part) === unitKey(unit) && part.stream === stream && part.priority === priority,
      );
      const part = this.replayParts[index];
      if (part !== undefined && progress.floor >= part.floor)
        this.replayParts[index] = { ...part, ...progress, isEnded: part.isEnded || isEnded };
    }
    for (const { unit, eventKey, key, state } of batch.states.filter(isMine)) this.states.put({ actor: unit.actor, eventKey, key }, state);
    this.rows.push(...batch.rows.filter(isMine).map(({ row }) => row));
    return Promise.resolve({ refused: [...refused.values()] });
  }

  claim(claims: readonly EffectClaim[]): Promise<ClaimAnswer[]> {
    return Promise.resolve(claims.map((claim) => this.#claim(claim)));
  }

  recordStarts(starts: readonly SuspectStart[]): Promise<{ refused: readonly UnitLease[] }> {
    const refused = starts.filter(({ unit }) => !this.#isCurrent(unit)).map(({ unit }) => unit);
    for (const start of starts) if (this.#isCurrent(start.unit)) this.#suspects.set(address(start), start);
    return Promise.resolve({ refused });
  }

  parkedRows(lease: UnitLease, lane: LaneId, key: string, limit: number): Promise<ParkedRow[]> {
    const rows = this.parked().filter(
      (row) =>
        unitKey(row.unit) === unitKey(lease) &&
        row.stream === lane.stream &&
        row.priority === lane.priority &&
        row.key === key &&
        row.replay === lane.replay,
    );
    return Promise.resolve(rows.slice(0, limit));
  }

  dueTimers(leases: readonly UnitLease[], nowMs: number, limit: number): Promise<OutboxEntry[]> {
    const leaseOf = ({ unit }: OutboxEntry): UnitLease | undefined => leases.find((each) => unitKey(each) === unitKey(unit));
    const due = this.#timers.filter((entry) => entry.dueAt <= nowMs).sort((a, b) => a.dueAt - b.dueAt);
    const mine = due.flatMap((entry) => {
      const unit = leaseOf(entry);
      return unit === undefined ? [] : [{ ...entry, unit }];
    });
    return Promise.resolve(mine.slice(0, limit));
  }

  adopt(leases: readonly UnitLease[]): Promise<ParkedRow[]> {
    const adopted: ParkedRow[] = [];
    for (const row of [...this.#parked.values()].sort(bySeq)) {
      const lease = leases.find((each) => unitKey(each) === unitKey(row.unit));
      if (row.isAdopted || lease === undefined || !this.#isCurrent(lease) || row.takenEpoch === lease.epoch) continue;
      row.takenEpoch = lease.epoch;
      const { isAdopted: _isAdopted, takenEpoch: _takenEpoch, ...parked } = row;
      adopted.push({ ...parked, unit: lease });
    }
    return Promise.resolve(adopted);
  }

  replays(leases: readonly UnitLease[]): Promise<ReplayPart[]> {
    const isOver = ({ options }: ReplayPart): boolean =>
      this.replayParts.every((part) => part.options.id !== options.id || part.isEnded) &&
      this.parked().every(({ replay }) => replay !== options.id);
    return Promise.resolve(this.replayParts.filter((part) => leases.some((lease) => unitKey(lease) === unitKey(part)) && !isOver(part)));
  }

  recordReset(reset: ConsumerReset): Promise<ReplayPart | undefined> {
    if (!this.#isCurrent(reset.unit)) return Promise.resolve(undefined);
    this.#endInPlace(reset);
    const part = handPart(reset, `hand-${this.#resets++}`);
    this.replayParts.push(part);
    return Promise.resolve(part);
  }

  /** Those that are under way in the lane: somebody has pointed it elsewhere. */
  #endInPlace({ unit, stream, priority }: ConsumerReset): void {
    for (const [index, part] of this.replayParts.entries())
      if (part.kind === 'in-place' && unitKey(part) === unitKey(unit) && part.stream === stream && part.priority === priority)
        this.replayParts[index] = { ...part, isEnded: true };
  }

  /** A rate is nothing that is simulated. */
  grantReplay(_replay: string, wanted: number): Promise<number> {
    return Promise.resolve(wanted);
  }

  loadStates(ids: readonly StateId[]): Promise<(StoredState | undefined)[]> {
    return Promise.resolve(ids.map((id) => this.states.get(id)));
  }

  nextRound(actor: string, messageId: string): Promise<number> {
    const letters = [...this.deadLetters.values()].filter((letter) => letter.messageId === messageId && letter.unit.actor === actor);
    return Promise.resolve(Math.max(-1, ...letters.map(({ round }) => round)) + 1);
  }

  isTransient(): boolean {
    return false;
  }

  /** Parks a row from outside, as a redelivery does. */
  park(row: ParkedRow): void {
    this.#parked.set(parkedAddress(row), { ...row, isAdopted: false });
  }

  /** Everything that waits, in order. */
  parked(): ParkedRow[] {
    return [...this.#parked.values()].sort(bySeq);
  }

  outbox(): readonly OutboxEntry[] {
    return this.#outbox;
  }

  suspects(): SuspectStart[] {
    return [...this.#suspects.values()];
  }

  #claim({ unit, id, token, onUnknown }: EffectClaim): ClaimAnswer {
    if (!this.#isCurrent(unit)) return { kind: 'fenced' };
    const effect = this.effects.get(id);
    const claimed = { state: 'claimed', token, epoch: unit.epoch } as const;
    if (effect === undefined || effect.state === 'failed') {
      this.effects.set(id, { repeats: effect?.repeats ?? 0, ...claimed });
      return { kind: 'granted', repeated: (effect?.repeats ?? 0) > 0 };
    }
    if (effect.state === 'done') return { kind: 'done', result: effect.result };
    if (effect.state === 'claimed' && effect.token === token) return { kind: 'granted', repeated: effect.repeats > 0 };
    if (effect.state === 'held' || onUnknown === 'hold' || effect.repeats > 0) {
      effect.state = 'held';
      return { kind: 'held' };
    }
    this.effects.set(id, { repeats: 1, ...claimed });
    return { kind: 'granted', repeated: true };
  }

  #isCurrent(lease: UnitLease): boolean {
    return this.#units.get(unitKey(lease))?.epoch === lease.epoch;
  }
}

/** A row that a person parked is handed to every new owner again until one has parked it anew. */
type Parked = ParkedRow & { isAdopted: boolean; takenEpoch?: number };
