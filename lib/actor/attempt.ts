import type { Clock } from '../core/clock.ts';
import { effectId, idempotencyKey } from '../core/identity.ts';
import { isBroken } from '../core/guards.ts';
import { readState, type StateTrouble, writeState } from './actor-state.ts';
import { type ActorContext, type ActorDefinition, type ActorLog, EffectFailed, type EffectRun, InvalidInput } from './define-actor.ts';
import type { Emit, Message } from './message.ts';
import type { ClaimAnswer, OnUnknown, StoredState } from './record-port.ts';
import type { RunningTurn, RunningTurns } from './running-turns.ts';
import { reject, retry, type Verdict } from './verdict.ts';

/**
 * One started handler: runs `receive` once, bounded in time, and says how it ended. Owns the context; decides nothing
 * about retries or dead letters.
 *
 * 1. When it is over the context is closed: a handler that goes on running can neither claim an effect nor emit.
 * 2. It is not over while a claim is on its way: what the ledger granted and nobody began is told to be free again.
 * 3. An effect that was begun and did not return is `unknown`, never `failed`.
 * 4. Outputs and the state count only with the verdict `done`. A state that cannot be read or kept decides instead of the handler.
 */
export interface Attempt {
  readonly definition: ActorDefinition;
  readonly message: Message;
  readonly input: unknown;
  /** Of its key, as it is recorded. */
  readonly stored: StoredState | undefined;
  /** From 1. */
  readonly number: number;
  readonly claim: (request: ClaimRequest) => Promise<ClaimAnswer>;
  /** Those of its actor that run; its time is theirs. */
  readonly turns: RunningTurns;
  readonly clock: Clock;
  readonly log: ActorLog;
}

export interface ClaimRequest {
  readonly id: string;
  readonly name: string;
  readonly onUnknown: OnUnknown;
  /** Aborts when the attempt is over. */
  readonly signal: AbortSignal;
}

/**
 * - `held`: an effect's outcome is unknown and its rule is `hold`: the message is settled, the step waits
 * - `fenced`: the unit has a new owner; nothing of this attempt counts
 * - `stopped`: the process had to stop; the message is left to the next owner
 */
export type AttemptVerdict = Verdict<unknown> | { readonly kind: 'held' | 'fenced' | 'stopped' };

export interface AttemptOutcome {
  readonly verdict: AttemptVerdict;
  readonly emits: readonly Emit[];
  readonly rows: readonly unknown[];
  readonly effects: readonly EffectEntry[];
  /** What is to be recorded as its key's state; null: nothing is kept. Undefined: it stays as it is. */
  readonly state?: StoredState | null;
  /** What was done with the state, for whoever measures it. */
  readonly stateUse?: StateUse;
}

export interface StateUse {
  readonly migratedFrom?: number;
  readonly trouble?: StateTrouble;
  /** Of the JSON that is to be recorded. */
  readonly bytes?: number;
}

export interface EffectEntry {
  readonly id: string;
  readonly onUnknown: OnUnknown;
  state: 'done' | 'failed' | 'unknown' | 'held';
  result?: unknown;
}

/** How long a handler whose signal was aborted may take to return its verdict before it is left behind. */
const ABORT_GRACE_MS = 500;

/** What was decided without a handler. */
export function decided(verdict: AttemptVerdict): AttemptOutcome {
  return { verdict, emits: NONE, rows: NONE, effects: NONE };
}

const NONE: readonly never[] = [];

function nothing(): void {
  // A turn that nobody has ended has no grace to cancel, and is not left behind.
}

class Decided extends Error {
  override readonly name = 'Decided';
}

export async function runAttempt(attempt: Attempt): Promise<AttemptOutcome> {
  const { definition, clock, stored } = attempt;
  const read = readState(definition.state, stored, clock.now());
  if ('trouble' in read) return { verdict: read.verdict, emits: [], rows: [], effects: [], stateUse: { trouble: read.trouble } };
  const { value, migratedFrom } = read;
  const outcome = keepState(attempt, await runTurn(attempt, value));
  return migratedFrom === undefined ? outcome : { ...outcome, stateUse: { ...outcome.stateUse, migratedFrom } };
}

/** What the handler gave back becomes part of what is settled, or the reason why it cannot be. */
function keepState({ definition, message }: Attempt, outcome: AttemptOutcome): AttemptOutcome {
  const { verdict, effects } = outcome;
  if (verdict.kind !== 'done' || verdict.state === undefined) return outcome;
  const written = writeState(definition.state, verdict.state);
  if ('trouble' in written) return { verdict: written.verdict, emits: [], rows: [], effects, stateUse: { trouble: written.trouble } };
  if (message.replay !== undefined && definition.state?.onReplay === 'keep') return outcome;
  return { ...outcome, state: written.write, stateUse: { bytes: written.bytes } };
}

async function runTurn(attempt: Attempt, state: unknown): Promise<AttemptOutcome> {
  const { turns } = attempt;
  if (turns.isStopped) return decided({ kind: 'stopped' });
  const turn = new Turn(attempt, state);
  turns.begin(turn);
  try {
    const verdict = await turn.run();
    const claimed = turn.claimed();
    if (claimed !== undefined) await claimed;
    return turn.close(verdict);
  } finally {
    turns.end(turn);
    turn.cancelGrace();
  }
}

class Turn implements ActorContext, RunningTurn {
  readonly actor: string;
  readonly message: Message;
  readonly attempt: number;
  readonly state: unknown;
  readonly log: ActorLog;
  cancelGrace: () => void = nothing;
  readonly #attempt: Attempt;
  /** Most handlers ask for no signal, have no effect and emit nothing: what they do not need is not made. */
  #abort: AbortController | undefined;
  #abortedFor: Error | undefined;
  #leaveBehind: (verdict: AttemptVerdict) => void = nothing;
  #emits: Emit[] | undefined;
  #rows: unknown[] | undefined;
  #effects: EffectEntry[] | undefined;
  #names: Set<string> | undefined;
  #claiming: Set<Promise<unknown>> | undefined;
  #decided: AttemptVerdict | undefined;
  /** The verdict is there: no effect may begin any more. */
  #isEnding = false;
  #isClosed = false;

  constructor(attempt: Attempt, state: unknown) {
    this.#attempt = attempt;
    this.state = state;
    this.actor = attempt.definition.name;
    this.message = attempt.message;
    this.attempt = attempt.number;
    this.log = attempt.log;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortedFor !== undefined) this.#abort.abort(this.#abortedFor);
    }
    return this.#abort.signal;
  }

  /** The handler's verdict, or the one with which it was left behind. */
  run(): Promise<AttemptVerdict> {
    return new Promise((resolve) => {
      this.#leaveBehind = resolve;
      void this.#receive().then(resolve);
    });
  }

  async #receive(): Promise<AttemptVerdict> {
    try {
      return await this.#attempt.definition.receive(this.#attempt.input, this);
    } catch (error) {
      if (error instanceof InvalidInput) return reject('invalid', error.message, error.detail);
      return retry({ because: error instanceof Error ? error.message : String(error), detail: describe(error) });
    }
  }

  expire(): void {
    this.#end(retry({ because: `the handler did not return within ${this.#attempt.definition.timeoutMs} ms` }));
  }

  halt(): void {
    this.#end({ kind: 'stopped' });
  }

  #end(verdict: AttemptVerdict): void {
    this.#decided ??= verdict;
    this.#abortedFor ??= new Error(verdict.kind === 'retry' ? verdict.because : 'the process stops');
    this.#abort?.abort(this.#abortedFor);
    this.cancelGrace = this.#attempt.clock.after(ABORT_GRACE_MS, () => this.#leaveBehind(verdict));
  }

  close(returned: AttemptVerdict): AttemptOutcome {
    this.#isClosed = true;
    // A handler that still made it in time after its abort is believed: its work is done.
    const verdict =
      returned.kind === 'done' && this.#decided?.kind !== 'fenced' && this.#decided?.kind !== 'held'
        ? returned
        : (this.#decided ?? returned);
    const effects = this.#effects ?? NONE;
    const isOpen = effects.some((effect) => effect.state === 'unknown' && effect.onUnknown === 'hold');
    if (verdict.kind === 'retry' && isOpen) {
      for (const effect of effects) if (effect.state === 'unknown' && effect.onUnknown === 'hold') effect.state = 'held';
      return { ...decided({ kind: 'held' }), effects };
    }
    const isDone = verdict.kind === 'done';
    return { verdict, emits: (isDone && this.#emits) || NONE, rows: (isDone && this.#rows) || NONE, effects };
  }

  /** Takes no new claim. Resolves when none is on its way any more; undefined where none is. */
  claimed(): Promise<unknown> | undefined {
    this.#isEnding = true;
    return this.#claiming === undefined || this.#claiming.size === 0 ? undefined : Promise.allSettled(this.#claiming);
  }

  emit(output: Emit): void {
    this.#assertOpen();
    (this.#emits ??= []).push(output);
  }

  record(row: unknown): void {
    this.#assertOpen();
    (this.#rows ??= []).push(row);
  }

  async effect<Result>(
    name: string,
    run: (effect: EffectRun) => Promise<Result>,
    options: { onUnknown?: OnUnknown } = {},
  ): Promise<Result> {
    this.#assertOpen();
    const names = (this.#names ??= new Set());
    const effects = (this.#effects ??= []);
    const claims = (this.#claiming ??= new Set());
    if (names.has(name)) throw new TypeError(`effect ${JSON.stringify(name)}: the name is used twice in one turn`);
    names.add(name);
    const { onUnknown = 'hold' } = options;
    const { id: messageId, replay } = this.message;
    const isRepeated = replay?.repeat.includes(this.#attempt.definition.name) === true;
    const id = effectId(messageId, name, isRepeated ? replay.id : '');
    // Not begun yet: if the turn ends here, whatever the ledger has heard of the claim, the effect is free again.
    const entry: EffectEntry = { id, onUnknown, state: 'failed' };
    effects.push(entry);
    const claiming = this.#attempt.claim({ id, name, onUnknown, signal: this.signal });
    claims.add(claiming);
    const answer = await claiming.finally(() => claims.delete(claiming));
    this.#assertOpen();
    if (answer.kind === 'done' && isBroken('ledger')) return await this.#perform(entry, run, false);
    if (answer.kind !== 'granted') effects.splice(effects.indexOf(entry), 1);
    switch (answer.kind) {
      case 'done':
        return answer.result as Result;
      case 'held':
      case 'fenced':
        this.#decided = { kind: answer.kind };
        throw new Decided(`effect ${id} is ${answer.kind}`);
      case 'granted':
        return await this.#perform(entry, run, answer.repeated);
    }
  }

  async #perform<Result>(entry: EffectEntry, run: (effect: EffectRun) => Promise<Result>, repeated: boolean): Promise<Result> {
    entry.state = 'unknown';
    try {
      const result = await run({ idempotencyKey: idempotencyKey(entry.id), repeated, signal: this.signal });
      // After the close the outcome was recorded as unknown already; the next attempt goes by that.
      if (!this.#isClosed) Object.assign(entry, { state: 'done', result: result ?? null });
      return result;
    } catch (error) {
      if (!this.#isClosed && error instanceof EffectFailed) entry.state = 'failed';
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#isEnding) throw new Error(`the turn on ${this.message.id} is over: its handler was left behind`);
  }
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return { error: String(error) };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return { error: error.name, ...(cause === undefined ? {} : { cause }) };
}
