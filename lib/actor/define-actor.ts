import type { StateDefinition } from './actor-state.ts';
import { definitionProblems } from './check-definition.ts';
import type { Emit, Message } from './message.ts';
import type { OnUnknown } from './record-port.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { RejectReason, Verdict } from './verdict.ts';

/** An actor: a name, an input, a key, and a function that returns a verdict. It knows no broker. */
export interface ActorDefinition<Input = unknown, State = unknown> {
  /** A single subject token: `[a-z][a-z0-9-]*`. */
  readonly name: string;
  /** Which streams its lanes read. (Default: events where it names `types`, otherwise commands) */
  readonly reads?: readonly ('events' | 'commands')[];
  /** The types of the events that it wants, whole and as their sender writes them: `order.paid`. (Default: all, where it reads events) */
  readonly types?: readonly string[];
  /** Its units of placement, 1 to 16; changing it is a migration. (Default: 4) */
  readonly partitions?: number;
  /** Where a lane that has no record yet begins. (Default: the log's end, so that a new actor does not replay a month) */
  readonly start?: 'end' | 'beginning';
  /** Handlers at once in one process, all priorities together. (Default: `DEFAULT_SLOTS`) */
  readonly slots?: number;
  /** Makes the input of a message; throws `InvalidInput` when it does not fit. `jsonInput(schema)` is the usual one. */
  readonly input: (message: Message) => Input;
  /** The mailbox: one at a time, in order. May only refine the event's key. (Default: the event's key) */
  key?(input: Input, message: Message): string | readonly string[];
  /** `none`: each message is its own key. (Default: `key`) */
  readonly order?: 'key' | 'none';
  readonly retry: RetryPolicy;
  /** A handler that has not returned by then is aborted by its signal, and the attempt counts. Milliseconds. */
  readonly timeoutMs: number;
  /** What it keeps of each key, settled together with the message. (Default: nothing) */
  readonly state?: StateDefinition<State>;
  /** Decides and acts. A throw is a retry. */
  receive(input: Input, context: ActorContext<NoInfer<State>>): Promise<Verdict<NoInfer<State>>>;
  /** What a dead letter of this actor sends to whoever waits for an answer (a run). Called without `receive` having run. */
  readonly onDead?: (message: Message, death: Death) => readonly Emit[];
}

/** Enough that what waits for answers of some 100 ms keeps two cores busy; each one's message is in memory. */
export const DEFAULT_SLOTS = 64;

export interface Death {
  readonly id: string;
  readonly reason: RejectReason;
  readonly because: string;
  readonly detail: unknown;
}

export interface ActorContext<State = unknown> {
  /** The actor's name. */
  readonly actor: string;
  readonly message: Message;
  /** Started handlers of this message, this one included; from 1. */
  readonly attempt: number;
  /** What its key has, as it was when the last message of the key was settled; undefined where the actor declares no state. */
  readonly state: State;
  /** Aborts at `timeoutMs` and when the process has to stop. */
  readonly signal: AbortSignal;
  readonly log: ActorLog;
  /**
   * Runs a side effect behind a claim in the ledger: recorded as done it is not run again, its recorded result is
   * returned. `run` gets the idempotency key to send along. Throw `EffectFailed` when it certainly did not happen; every
   * other throw means that nobody knows. A name used twice in one turn is an error.
   */
  effect<Result>(name: string, run: (effect: EffectRun) => Promise<Result>, options?: { onUnknown?: OnUnknown }): Promise<Result>;
  /** Collects a message that is published once this turn is settled. A retried or rejected turn emits nothing. */
  emit(output: Emit): void;
  /** Collects a row that the store writes in the settling transaction. */
  record(row: unknown): void;
}

export interface EffectRun {
  /** 64 hex digits, the same for every try of this effect. */
  readonly idempotencyKey: string;
  /** An earlier try ended unknown and this is its one repetition. */
  readonly repeated: boolean;
  readonly signal: AbortSignal;
}

export interface ActorLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** The message does not fit the actor's input: a dead letter `invalid`, with the place. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  /** JSON: what was expected and got, by path. */
  readonly detail: unknown;
  constructor(message: string, detail?: unknown) {
    super(message);
    this.detail = detail;
  }
}

/** The effect certainly did not happen; it may be tried again. */
export class EffectFailed extends Error {
  override readonly name = 'EffectFailed';
}

/** Checks a definition and gives it back, typed. Throws a `TypeError` that says of every field what was expected and got. */
export function defineActor<Input, State = undefined>(definition: ActorDefinition<Input, State>): ActorDefinition<Input, State> {
  const problems = definitionProblems(definition);
  if (problems.length > 0) throw new TypeError(problems.join('; '));
  return definition;
}
