import type { Priority } from '../core/priority.ts';
import type { SettledSpan } from '../core/settled-span.ts';
import type { Emit } from './message.ts';
import type { ConsumerReset, ReplayPart, ReplayProgress } from './replay.ts';
import type { RejectReason } from './verdict.ts';

/**
 * What the runtime asks of the store that keeps the lanes' record. Every write carries its unit's epoch and is refused
 * (whole units at a time, never the whole batch) when the unit has a newer one: the epoch is the fence.
 */
export interface RecordPort {
  /**
   * Takes, of the units named, all that are free: never owned, handed back, past their lease, or still in the name of this
   * same owner (an earlier life of this process). Raises their epoch.
   */
  acquire(owner: string, units: readonly UnitId[], leaseMs: number): Promise<AcquiredUnit[]>;
  /**
   * Prolongs leases, and says that their owner lives, for as long; resolves with those that are still ours. Uses a connection of its
   * own.
   */
  renew(owner: Member, leases: readonly UnitLease[], leaseMs: number): Promise<UnitLease[]>;
  /** Who runs these actors, and who has their units. */
  survey(actors: readonly string[]): Promise<Survey>;
  /** This life of the process is over: it is no member any more. */
  leave(member: Member): Promise<void>;
  /** Hands units back, cleanly: the next owner has no suspects. */
  release(leases: readonly UnitLease[]): Promise<void>;
  /** Everything that a new owner has to know. */
  load(lease: UnitLease): Promise<UnitRecord>;
  /** The group commit, one transaction. Resolves with the units that were refused; nothing of those was written. */
  settle(batch: SettleBatch): Promise<{ readonly refused: readonly UnitLease[] }>;
  /** Whether an error of any of these calls may pass (connection lost, log-in refused ...): all but what is wrong with the content. */
  isTransient(error: unknown): boolean;
  /** Claims effects, one transaction; the answers are in the order of the claims. */
  claim(claims: readonly EffectClaim[]): Promise<ClaimAnswer[]>;
  /** Records that suspects are about to be started; resolves when it is durable. */
  recordStarts(starts: readonly SuspectStart[]): Promise<{ readonly refused: readonly UnitLease[] }>;
  /** The first rows that are parked for a key in a lane, in order, its head among them. */
  parkedRows(lease: UnitLease, lane: LaneId, key: string, limit: number): Promise<ParkedRow[]>;
  /** What was settled with a time that is past by now, the longest due first; the same again until it is settled as published. */
  dueTimers(leases: readonly UnitLease[], nowMs: number, limit: number): Promise<OutboxEntry[]>;
  /** Rows that somebody else parked for these units (a redelivery): marks them as taken and hands them over. */
  adopt(leases: readonly UnitLease[]): Promise<ParkedRow[]>;
  /** The parts of these units in replays that are not over. */
  replays(leases: readonly UnitLease[]): Promise<ReplayPart[]>;
  /** Records a reset by hand as a replay; undefined where the unit has a new owner. */
  recordReset(reset: ConsumerReset): Promise<ReplayPart | undefined>;
  /** How many of `wanted` messages a replay with a rate may hand over now. */
  grantReplay(replay: string, wanted: number): Promise<number>;
  /** What keys have, in the order in which they are asked for; undefined where one has nothing. */
  loadStates(ids: readonly StateId[]): Promise<(StoredState | undefined)[]>;
  /** One more than the last round in which an actor gave a message up; 0 where it never did. */
  nextRound(actor: string, messageId: string): Promise<number>;
}

/** What is placed: one partition of one actor, all of its lanes together, so that a key has one mailbox. */
export interface UnitId {
  readonly actor: string;
  readonly partition: number;
}

export interface UnitLease extends UnitId {
  readonly epoch: number;
}

/** A process that shares units with others. */
export interface Member {
  /** The owner of its units. */
  readonly name: string;
  /** Unique to this life of the process. */
  readonly nonce: string;
  /** What it runs; none while it stops. */
  readonly actors: readonly string[];
}

/** Members and units at one moment. */
export interface Survey {
  /** Those that have been heard of within their lease. `ageMs`: how long ago this life of it came. */
  readonly members: readonly { readonly name: string; readonly actors: readonly string[]; readonly ageMs: number }[];
  /** Owner null: it is free. Units that nobody has ever taken are missing. */
  readonly units: readonly (UnitId & { readonly owner: string | null })[];
}

export interface AcquiredUnit extends UnitLease {
  /** The last owner did not hand it back: what it had in flight is suspect. */
  readonly unclean: boolean;
}

export interface LaneId {
  readonly stream: string;
  readonly priority: Priority;
  /** What a replay brings stands in lines of its own. (Default: it is live) */
  readonly replay?: string;
}

/** How far a lane is. */
export interface LaneProgress extends LaneId, SettledSpan {
  readonly unit: UnitLease;
  /** Creation time of its consumer when its owner last pointed it to where the record says. Null: it never did. */
  readonly consumerCreated: string | null;
}

export interface UnitRecord {
  /** Lanes never seen before are missing. */
  readonly lanes: readonly LaneProgress[];
  /** The first parked row of each (stream, priority, key), with the number of rows behind it. */
  readonly waiting: readonly { readonly head: ParkedRow; readonly behind: number }[];
  readonly suspects: readonly SuspectStart[];
  /** What was settled and not yet published, in order. */
  readonly outbox: readonly OutboxEntry[];
}

/** A message that waits: its body stays in the log, its sequence is settled and acknowledged. */
export interface ParkedRow extends LaneId {
  readonly unit: UnitLease;
  readonly seq: number;
  /** The mailbox key (which may refine the event's key). */
  readonly key: string;
  readonly messageId: string;
  /** Started handlers so far. */
  readonly attempts: number;
  /** Milliseconds since the epoch; null: behind the key's head. */
  readonly dueAt: number | null;
  readonly because: string;
  /** What happened at each attempt, oldest first, at most 20. */
  readonly history: readonly AttemptRecord[];
}

/**
 * What a state belongs to: a mailbox of an event's key. So it has one owner at a time, whatever the actor's `key` makes of its input,
 * and stays with its key where partitions are changed.
 */
export interface StateId {
  readonly actor: string;
  /** The event's key, which says whose unit it is. */
  readonly eventKey: string;
  /** The mailbox key. */
  readonly key: string;
}

export interface StoredState {
  /** Of the actor's definition that wrote it. */
  readonly version: number;
  /** JSON, as text. */
  readonly json: string;
}

export interface StateWrite extends Omit<StateId, 'actor'> {
  readonly unit: UnitLease;
  /** Null: the key has nothing more. */
  readonly state: StoredState | null;
  /** The message that it is settled with. */
  readonly messageId: string;
  readonly stream: string;
  readonly seq: number;
}

export interface AttemptRecord {
  readonly attempt: number;
  /** RFC 3339. */
  readonly at: string;
  readonly because: string;
  readonly detail?: unknown;
}

/** A started handler of a message that was in flight when an owner died. */
export interface SuspectStart {
  readonly unit: UnitLease;
  readonly stream: string;
  readonly seq: number;
  /** Starts that count, this one included (see `Suspects`). */
  readonly starts: number;
  /** Whether the last recorded start was in quarantine: alone in its process. */
  readonly quarantined: boolean;
}

export interface SettleBatch {
  readonly lanes: readonly LaneProgress[];
  /** Inserted, or replaced where (unit, stream, seq) is there already. */
  readonly parked: readonly ParkedRow[];
  readonly unparked: readonly { readonly unit: UnitLease; readonly stream: string; readonly seq: number; readonly replay?: string }[];
  readonly effects: readonly EffectOutcome[];
  readonly deadLetters: readonly DeadLetter[];
  readonly outbox: readonly OutboxEntry[];
  readonly published: readonly { readonly unit: UnitLease; readonly id: string; readonly seq: number }[];
  readonly cleared: readonly { readonly unit: UnitLease; readonly stream: string; readonly seq: number }[];
  /** What handlers recorded by `context.record`, in order. */
  readonly rows: readonly { readonly unit: UnitLease; readonly row: unknown }[];
  readonly replays: readonly ReplayProgress[];
  readonly states: readonly StateWrite[];
}

/** A message that is settled and has to be published, at once or when it is due. `copyOf`: the body is that of a stored message. */
export type OutboxEntry = { readonly unit: UnitLease } & (
  | Emit
  | (Omit<Emit, 'body' | 'dueAt'> & { readonly copyOf: { readonly stream: string; readonly seq: number } })
);

/** Whether it waits in the store until it is due. */
export function isTimer(entry: OutboxEntry): entry is Extract<OutboxEntry, Emit> & { readonly dueAt: number } {
  return 'dueAt' in entry && entry.dueAt !== undefined;
}

export interface EffectClaim {
  readonly unit: UnitLease;
  /** The effect's id: `<message id>/<name>`. */
  readonly id: string;
  readonly messageId: string;
  /** Address of the message, so that a person's decision can bring it back. */
  readonly stream: string;
  readonly seq: number;
  readonly priority: Priority;
  /** The mailbox key. */
  readonly key: string;
  readonly name: string;
  /** The same for every try of this one claim: a claim whose commit was not heard of is granted when it is tried again. */
  readonly token: string;
  readonly onUnknown: OnUnknown;
}

/** What to do when nobody knows whether an effect happened: leave it to a person or a receipt, or do it once more. */
export type OnUnknown = 'hold' | 'repeat';

/**
 * - `granted`: do it. `repeated`: an earlier try ended unknown, and the rule is to repeat it once
 * - `done`: it is recorded as done, with its result; do not do it
 * - `held`: unknown, and a person or a receipt decides
 * - `fenced`: the unit has a new owner
 */
export type ClaimAnswer =
  | { readonly kind: 'granted'; readonly repeated: boolean }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'held' }
  | { readonly kind: 'fenced' };

/** How a claimed effect ended: `failed` certainly did not happen, `unknown` may have. */
export interface EffectOutcome {
  readonly unit: UnitLease;
  readonly id: string;
  readonly state: 'done' | 'failed' | 'unknown' | 'held';
  /** JSON; with `done` only. */
  readonly result?: unknown;
}

export interface DeadLetter {
  readonly unit: UnitLease;
  /** `<actor>:<message id>:<round>` */
  readonly id: string;
  readonly messageId: string;
  readonly round: number;
  readonly eventKey: string;
  /** The mailbox key: where a redelivery has to wait its turn. */
  readonly key: string;
  readonly priority: Priority;
  readonly reason: RejectReason;
  readonly because: string;
  /** JSON: the provider's whole answer, the path of what did not fit ... */
  readonly detail: unknown;
  readonly history: readonly AttemptRecord[];
  /** Address of the message that died. */
  readonly stream: string;
  readonly seq: number;
  readonly run: string | null;
  readonly step: string | null;
  /** RFC 3339. */
  readonly at: string;
}
