import type { Priority } from '../core/priority.ts';
import type { StateUse } from './attempt.ts';
import type { RepointCause } from './lane-options.ts';
import type { Message } from './message.ts';

/** What the runtime tells whoever measures it. Calls are frequent and must be cheap. */
export interface ActorObserver {
  /** Runs what works on a message, so that whoever asks from inside is told which one it is. (Default: it is just run) */
  within?<Result>(actor: string, message: Pick<Message, 'id' | 'stream' | 'seq'>, run: () => Result): Result;
  /** A message was handled; `verdict` is how its attempt ended; `queueMs` (first attempts only) how long it was in the log before. */
  handled(actor: string, priority: Priority, verdict: string, durationMs: number, queueMs: number | undefined): void;
  effect(actor: string, outcome: string): void;
  deadLettered(actor: string, reason: string): void;
  /** A key's state was needed: the record was asked, or it was in memory. */
  stateLoaded(actor: string, from: 'cache' | 'record'): void;
  /** What a handler's turn did with its key's state. */
  stateUsed(actor: string, use: StateUse): void;
  /** Waiting rows that came (positive) or went (negative). */
  parked(actor: string, delta: number): void;
  repointed(actor: string, cause: RepointCause): void;
  settled(settlements: number, durationMs: number): void;
  /** Settled messages that the log has not confirmed yet. */
  outbox(pending: number): void;
  /** Lanes of an actor with a replay that goes on here; a paused one does not. */
  replaying(actor: string, lanes: number): void;
  /** Messages that replays have let go. */
  replayed(actor: string, messages: number): void;
  /** Units that this process holds. */
  units(actor: string, count: number): void;
  /** A unit came or went. */
  unitMoved(actor: string, how: UnitMove): void;
  /** Processes that run the actor and live, this one included. */
  members(actor: string, count: number): void;
}

/**
 * - `taken`: it was free; `taken_over`: its last owner has not handed it back
 * - `handed_over`: somebody else has less than its share; `lost`: somebody else took it, or it could not be opened
 */
export type UnitMove = 'taken' | 'taken_over' | 'handed_over' | 'lost';

/** Runs what works on a message, by the observer where it wants to know. */
export function within<Result>(
  observer: ActorObserver,
  actor: string,
  message: Pick<Message, 'id' | 'stream' | 'seq'>,
  run: () => Result,
): Result {
  return observer.within === undefined ? run() : observer.within(actor, message, run);
}
