import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import type { Priority } from '../../core/priority.ts';
import { type ActorContext, type ActorDefinition, defineActor, InvalidInput } from '../define-actor.ts';
import type { Emit, Message } from '../message.ts';
import type { DeadLetter, ParkedRow, SuspectStart } from '../record-port.ts';
import type { RuntimeStatus, RuntimeTiming } from '../runtime.ts';
import type { Verdict } from '../verdict.ts';

/** What a property is tried on: a log, a record, and processes that can be started, stopped and killed. */
export interface ConformanceBench {
  /** Publishes a command to an actor. */
  send(command: { actor: string; key: string; body: string; priority?: Priority; id?: string }): Promise<{ seq: number }>;
  /** Publishes any message. */
  publish(emit: Emit): Promise<{ seq: number }>;
  start(actors: readonly ActorDefinition[], options?: { owner?: string; timing?: Partial<RuntimeTiming> }): RunningActors;
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Every message of a stream, in order. */
  messages(stream: 'EVENTS' | 'COMMANDS' | 'DEAD_LETTERS' | 'ADVISORIES'): Promise<readonly Message[]>;
  parked(): Promise<readonly ParkedRow[]>;
  suspects(): Promise<readonly SuspectStart[]>;
  effect(id: string): Promise<{ state: string; repeats: number } | undefined>;
  outboxSize(): Promise<number>;
  /** Whether all of these sequences of an actor's lane on COMMANDS are recorded as settled or parked. */
  isSettled(actor: string, priority: Priority, partition: number, seqs: readonly number[]): Promise<boolean>;
  /** What is recorded as the state of a key; its mailbox key is the same. */
  state(actor: string, key: string): Promise<{ readonly version: number; readonly json: string } | undefined>;
  /** Parks a row for an actor's unit from outside. */
  adopt(row: Omit<ParkedRow, 'unit'> & { actor: string; partition: number }): Promise<void>;
  /** Takes the next delivery of an actor's lane away from its owner, as a frozen process's open pull does. */
  steal(actor: string, priority: Priority, partition: number): Promise<void>;
  /** Makes the log forget where everybody stood, as its restart does. Only while nobody runs. */
  forgetConsumers(): Promise<void>;
  /** Begins a replay of an actor's COMMANDS, of one lane. */
  replay(part: BenchReplay): Promise<void>;
  /** How far a replay is; the first one whose id begins so. */
  replayed(id: string): Promise<{ readonly handled: number; readonly skipped: number; readonly isEnded: boolean } | undefined>;
  /** Resets a lane's consumer, as a person with the broker's own tool does. */
  reset(actor: string, priority: Priority, partition: number, seq: number): Promise<void>;
  /** A subject on COMMANDS addressed to an actor. (Default: of the priority `default`) */
  subjectTo(actor: string, key: string, priority?: Priority): string;
}

/** `untilSeq` null: in place. */
export interface BenchReplay {
  readonly id: string;
  readonly actor: string;
  readonly partition: number;
  readonly priority: Priority;
  readonly fromSeq: number;
  readonly untilSeq: number | null;
  /** (Default: none) */
  readonly repeat?: readonly string[];
}

export interface RunningActors {
  stop(drainMs?: number): Promise<void>;
  /** As kill -9 does: from now on nothing goes in or out. */
  kill(): void;
  status(): RuntimeStatus;
}

export type OpenBench = (t: TestContext) => Promise<ConformanceBench>;

/** Four attempts, 20 ms apart. */
export const FAST = { attempts: 4, delayMs: () => 20 };

/** Far above anything these properties need, also where the disk stands still for seconds. */
const DEADLINE_MS = 40_000;

/** What is more, this process stood still, and so did what it waits for. */
const LONGEST_ROUND_MS = 250;

/** Polls until the condition holds; fails with its text after 40 s. */
export async function until(text: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let leftMs = DEADLINE_MS; ;) {
    const begun = performance.now();
    if (await condition()) return;
    if (leftMs <= 0) assert.fail(`did not happen within ${DEADLINE_MS / 1_000} s: ${text}`);
    await wait(5);
    leftMs -= Math.min(performance.now() - begun, LONGEST_ROUND_MS);
  }
}

export function bodyOf(message: Message): string {
  return Buffer.from(message.body).toString('utf8');
}

/** An actor named `tester` with one partition that handles text; `unreadable` does not fit its input. */
export function actor<State>(
  receive: (body: string, context: ActorContext<State>) => Promise<Verdict<State>> | Verdict<State>,
  rest: Partial<ActorDefinition<string, State>> = {},
): ActorDefinition {
  return defineActor<string, State>({
    name: 'tester',
    partitions: 1,
    start: 'beginning',
    retry: FAST,
    // A property may hold its handlers for as long as it waits for something else.
    timeoutMs: 2 * DEADLINE_MS,
    input: (message) => {
      const body = bodyOf(message);
      if (body === 'unreadable') throw new InvalidInput('expected a word, got "unreadable"', { path: '' });
      return body;
    },
    receive: async (body, context) => await receive(body, context),
    ...rest,
  }) as ActorDefinition;
}

/** Registers one property as a test, with a bench of its own. */
export type Property = (name: string, run: (bench: ConformanceBench, t: TestContext) => Promise<void>) => void;
