import type { Clock } from '../core/clock.ts';
import type { ActorLog } from './define-actor.ts';
import type { EffectEntry } from './attempt.ts';
import { GroupCommit } from './group-commit.ts';
import type { DeadLetter, LaneProgress, OutboxEntry, ParkedRow, RecordPort, SettleBatch, StateWrite, UnitLease } from './record-port.ts';
import type { ReplayProgress } from './replay.ts';
import type { Track } from './track.ts';

/**
 * The group commit of a process: all that was decided meanwhile, in one transaction.
 *
 * 1. A batch takes its sequences and the rows that prove them in one tick, before its first await: a floor never passes a
 *    message whose rows are not in the same or an earlier batch.
 * 2. Nothing is acknowledged, published or told to anyone before the commit.
 * 3. While the store is away the same batch is tried again; the epoch, not this process, decides whether it still counts.
 * 4. A batch that the store refuses for its content is taken apart until the one at fault is alone.
 */
export interface Settlement {
  readonly unit: UnitLease;
  /** The delivery that this settles; none for a message that was parked before. */
  readonly delivered?: { readonly lane: Track; readonly seq: number } | undefined;
  /** Lanes whose progress is to be recorded as it stands. */
  readonly touched?: readonly Track[];
  readonly parked?: ParkedRow | undefined;
  readonly unparked?: { readonly stream: string; readonly seq: number; readonly replay?: string } | undefined;
  readonly cleared?: { readonly stream: string; readonly seq: number } | undefined;
  readonly effects?: readonly EffectEntry[];
  readonly deadLetter?: DeadLetter | undefined;
  readonly outbox?: readonly OutboxEntry[] | undefined;
  readonly rows?: readonly unknown[] | undefined;
  readonly state?: StateWrite | undefined;
  readonly onCommitted: () => void;
  /** The unit has a new owner. */
  readonly onRefused: () => void;
  /** The store cannot hold what is in this settlement. */
  readonly onPoisoned: (error: unknown) => void;
}

type Published = SettleBatch['published'][number];

export interface SettlerOptions {
  readonly record: RecordPort;
  readonly clock: Clock;
  readonly log: ActorLog;
  readonly onBatch: (settlements: number, durationMs: number) => void;
  /** See `RuntimeTiming.settlePaceMs`. (Default: 0) */
  readonly paceMs?: number;
}

/** How long a published message may stay in the outbox when nothing else is settled meanwhile. */
const FORGET_AFTER_MS = 100;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;

export class Settler {
  readonly #options: SettlerOptions;
  readonly #group: GroupCommit<Settlement>;
  #published: Published[] = [];
  #cancelForget: (() => void) | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#group = new GroupCommit((settlements) => this.#settle(settlements), options);
  }

  submit(settlement: Settlement): void {
    this.#group.add(settlement);
  }

  /** Lets an outbox entry go that the log has confirmed; its row is deleted by a later batch. */
  forget(unit: UnitLease, id: string, seq: number): void {
    this.#published.push({ unit, id, seq });
    this.#cancelForget ??= this.#options.clock.after(FORGET_AFTER_MS, () => this.#forgetNow(unit));
  }

  /** Resolves when everything submitted so far is committed or refused. */
  async idle(): Promise<void> {
    const [first] = this.#published;
    if (first !== undefined) this.#forgetNow(first.unit);
    await this.#group.idle();
  }

  /** Resolves when what was submitted so far is committed or refused, whatever comes meanwhile. */
  passed(unit: UnitLease): Promise<void> {
    return new Promise((resolve) => this.submit({ unit, onCommitted: resolve, onRefused: resolve, onPoisoned: () => resolve() }));
  }

  #forgetNow(unit: UnitLease): void {
    this.#cancelForget?.();
    this.#cancelForget = undefined;
    this.#group.add({ unit, onCommitted: nothing, onRefused: nothing, onPoisoned: nothing });
  }

  async #settle(settlements: readonly Settlement[]): Promise<void> {
    const { clock, record, log, onBatch } = this.#options;
    const begun = clock.monotonic();
    const published = this.#published;
    this.#published = [];
    const { batch, lanes } = stage(settlements, published);
    let refused: readonly UnitLease[];
    for (let waitMs = RETRY_MIN_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        ({ refused } = await record.settle(batch));
        break;
      } catch (error) {
        if (!record.isTransient(error)) {
          log.error({ err: error, count: settlements.length }, 'a settling was refused for its content');
          return await this.#takeApart(settlements, published, error);
        }
        log.warn({ err: error, count: settlements.length, delayMs: waitMs }, 'the store did not settle; trying again');
        await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      }
    }
    // Outside: what goes wrong in here is not the store's answer.
    onBatch(settlements.length, clock.monotonic() - begun);
    finish(settlements, lanes, refused);
  }

  async #takeApart(settlements: readonly Settlement[], published: Published[], error: unknown): Promise<void> {
    for (const { delivered } of settlements) delivered?.lane.unsettle(delivered.seq);
    // More may have been published meanwhile.
    this.#published.unshift(...published);
    const [only, second] = settlements;
    if (second === undefined) {
      only?.onPoisoned(error);
      return;
    }
    const half = Math.ceil(settlements.length / 2);
    await this.#settle(settlements.slice(0, half));
    await this.#settle(settlements.slice(half));
  }
}

function nothing(): void {
  // A settlement that only lets outbox rows go has nobody to tell.
}

function stage(
  settlements: readonly Settlement[],
  published: SettleBatch['published'],
): { batch: SettleBatch; lanes: Map<Track, LaneProgress | ReplayProgress> } {
  const lanes: LaneProgress[] = [];
  const replays: ReplayProgress[] = [];
  const rows: { unit: UnitLease; row: unknown }[] = [];
  const parked: ParkedRow[] = [];
  const unparked: SettleBatch['unparked'][number][] = [];
  const cleared: SettleBatch['cleared'][number][] = [];
  const effects: SettleBatch['effects'][number][] = [];
  const deadLetters: DeadLetter[] = [];
  const outbox: OutboxEntry[] = [];
  const states: StateWrite[] = [];
  const touched = new Set<Track>();
  for (const settlement of settlements) {
    const { unit, delivered } = settlement;
    if (delivered !== undefined) {
      delivered.lane.settle(delivered.seq);
      touched.add(delivered.lane);
    }
    for (const lane of settlement.touched ?? []) touched.add(lane);
    if (settlement.parked !== undefined) parked.push(settlement.parked);
    if (settlement.unparked !== undefined) unparked.push({ unit, ...settlement.unparked });
    if (settlement.cleared !== undefined) cleared.push({ unit, ...settlement.cleared });
    if (settlement.deadLetter !== undefined) deadLetters.push(settlement.deadLetter);
    for (const { id, state, result } of settlement.effects ?? [])
      effects.push({ unit, id, state, ...(state === 'done' ? { result } : {}) });
    for (const entry of settlement.outbox ?? []) outbox.push(entry);
    for (const row of settlement.rows ?? []) rows.push({ unit, row });
    if (settlement.state !== undefined) states.push(settlement.state);
  }
  const tracks = new Map<Track, LaneProgress | ReplayProgress>();
  for (const track of touched) {
    const settled = track.progress.snapshot();
    const replayed = track.replayed?.(settled);
    if (replayed === undefined) {
      const { unit, stream, priority, consumerCreated } = track;
      const lane = { unit, stream, priority, consumerCreated, ...settled };
      lanes.push(lane);
      tracks.set(track, lane);
    } else {
      replays.push(replayed);
      tracks.set(track, replayed);
    }
  }
  return { batch: { lanes, parked, unparked, cleared, effects, deadLetters, outbox, published, rows, replays, states }, lanes: tracks };
}

function finish(settlements: readonly Settlement[], lanes: Map<Track, LaneProgress | ReplayProgress>, refused: readonly UnitLease[]): void {
  const isRefused = (unit: UnitLease): boolean =>
    refused.some((lost) => lost.actor === unit.actor && lost.partition === unit.partition && lost.epoch === unit.epoch);
  for (const [lane, { unit, floor }] of lanes) {
    if (isRefused(unit)) continue;
    lane.progress.advance(floor);
    lane.freed();
  }
  for (const settlement of settlements) {
    if (refused.length > 0 && isRefused(settlement.unit)) settlement.onRefused();
    else settlement.onCommitted();
  }
}
