import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import type { Message } from '../lib/actor/message.ts';
import type { DeadLetter, ParkedRow } from '../lib/actor/record-port.ts';
import { ActorRuntime, type RuntimeTiming } from '../lib/actor/runtime.ts';
import { createCuttable } from '../lib/actor/simulation/cuttable.ts';
import { silentObserver } from '../lib/actor/simulation/silence.ts';
import { SimulatedBroker } from '../lib/actor/simulation/simulated-broker.ts';
import { SimulatedRecord } from '../lib/actor/simulation/simulated-record.ts';
import type { RejectReason } from '../lib/actor/verdict.ts';
import { HEADERS } from '../lib/core/headers.ts';
import type { Priority } from '../lib/core/priority.ts';
import { ManualClock } from '../lib/core/manual-clock.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../streams/actor-lanes.ts';
import { parseSubject, STREAMS } from '../streams/subjects.ts';
import { asUserActor } from '../streams/user-actor.ts';
import { ACTOR_SOURCE } from './emit-event.ts';
import { eventMessage } from './event-message.ts';
import { isQuiet } from './quiet.ts';
import { VerdictLog } from './verdict-log.ts';

/** An actor in the real runtime, with a log and a record in memory, and a clock that stands still until it is told to go on. */
export interface ActorTest {
  /** Puts an event into the log, and gives its id. Nothing has happened yet: `settle` waits for that. */
  event(event: TestEvent): Promise<string>;
  /** Waits until everything that can happen without time passing has happened. Rejects after 5 s of real time. */
  settle(): Promise<void>;
  /** Lets time pass: retries and parked messages become due in their order. */
  advance(ms: number): Promise<void>;
  /** Ends the process as `kill -9` does, and starts it again. */
  crash(): Promise<void>;
  /** One for each attempt, oldest first. */
  readonly attempts: readonly TestAttempt[];
  /** What the actor has emitted, oldest first. */
  emitted(): readonly TestEmit[];
  /** What the actor keeps of a key now; undefined where it keeps nothing. @param refinement what its `key` makes of it (Default: the key) */
  state(key: string, refinement?: string): unknown;
  /** The ledger. */
  effects(): readonly TestEffect[];
  deadLetters(): readonly Pick<DeadLetter, 'messageId' | 'reason' | 'because' | 'detail'>[];
  /** Messages that wait for a time, or behind one that does. */
  waiting(): readonly Pick<ParkedRow, 'messageId' | 'key' | 'attempts' | 'dueAt' | 'because'>[];
  /** The clock's wall time, milliseconds since the epoch. */
  now(): number;
  stop(): Promise<void>;
}

export interface TestEvent {
  readonly type: string;
  /** JSON. (Default: an empty object) */
  readonly data?: unknown;
  /** The body as it is, instead of `data`: for what is no JSON. */
  readonly body?: string | Uint8Array;
  /** (Default: the id) */
  readonly key?: string;
  /** (Default: event-1, event-2, ...) */
  readonly id?: string;
  /** (Default: test) */
  readonly source?: string;
  readonly priority?: Priority;
}

export interface TestAttempt {
  readonly messageId: string;
  /** From 1. */
  readonly attempt: number;
  readonly verdict: 'done' | 'retry' | 'reject' | 'park' | 'held';
  readonly because?: string;
  readonly reason?: RejectReason;
}

export interface TestEmit {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** Its body, parsed. */
  readonly data: unknown;
}

export interface TestEffect {
  /** `<message id>/<name>`. */
  readonly id: string;
  readonly state: 'claimed' | 'done' | 'failed' | 'unknown' | 'held';
  readonly result: unknown;
}

/**
 * The process never loses its units: what a lease is for has tests of its own. Rows that are due are looked for once a minute, and nothing
 * waits for company: time stands still.
 */
const TIMING: RuntimeTiming = {
  leaseMs: 1e15,
  renewMs: 1e14,
  fenceMs: 5e14,
  pullExpiresMs: 1e14,
  checkMs: 60_000,
  newcomerMs: 0,
  capacity: 256,
  settlePaceMs: 0,
  claimPaceMs: 0,
};
/** Any moment: it only has to be the same each time. */
const STARTED_AT = Date.UTC(2026, 0, 1);
/** A handler that waits for something real (a peer of the test's own) has so long. */
const SETTLE_MS = 5_000;

export interface ActorTestOptions {
  /** What earlier versions of the actor have left, by key: for the test of a migration. (Default: nothing) */
  readonly states?: Readonly<Record<string, { readonly version: number; readonly state: unknown }>>;
}

/** Starts the actor. Stop it at the end: `t.after(() => bench.stop())`. */
export async function openActorTest<Input, State>(
  actor: ActorDefinition<Input, State>,
  { states = {} }: ActorTestOptions = {},
): Promise<ActorTest> {
  const clock = new ManualClock(STARTED_AT);
  const broker = new SimulatedBroker(clock, streamOf);
  const record = new SimulatedRecord(clock);
  for (const [key, { version, state }] of Object.entries(states))
    record.states.put({ actor: actor.name, eventKey: key, key }, { version, json: JSON.stringify(state) });
  const log = new VerdictLog();
  // Its input comes from its own `input`, so the runtime needs no name for the type.
  const definition = asUserActor(actor as ActorDefinition, clock);
  let lives = 0;
  let count = 0;
  let life = await start();

  async function start() {
    const ports = createCuttable(broker, record, clock);
    const runtime = new ActorRuntime({
      ...ports,
      owner: 'test',
      nonce: String(lives++),
      actors: [definition],
      lanesOf: lanesOfActor,
      subjects: DEAD_LETTER_SUBJECTS,
      // In the middle of the backoff.
      random: () => 0.5,
      log,
      observer: silentObserver,
      timing: TIMING,
    });
    runtime.start();
    await turnUntil('the actor is ready', () => runtime.status().openUnits === (definition.partitions ?? 4));
    return { runtime, kill: ports.cut };
  }

  const settle = (): Promise<void> =>
    turnUntil('every handler has returned and is settled; does one wait for a time that does not pass?', () =>
      isQuiet({ definition, broker, record, now: clock.now() }),
    );

  return {
    attempts: log.attempts,
    now: () => clock.now(),
    settle,
    async event({ type, data = {}, body, id = `event-${(count += 1)}`, key = id, source = 'test', priority = 'default' }) {
      const bytes = Buffer.from(body ?? JSON.stringify(data));
      const time = new Date(clock.now()).toISOString();
      const emit = eventMessage({ id, source, ceSource: source, type, key, priority, time, hops: 0, body: bytes });
      await broker.publish(emit, new AbortController().signal);
      return id;
    },
    async advance(ms) {
      await settle();
      await clock.advance(ms);
      await settle();
    },
    async crash() {
      life.kill();
      life = await start();
    },
    state(key, refinement = key) {
      const { json } = record.states.get({ actor: actor.name, eventKey: key, key: refinement }) ?? {};
      return json === undefined ? undefined : (JSON.parse(json) as unknown);
    },
    emitted: () => broker.messages(STREAMS.events).filter(isEmitted).map(emitOf),
    effects: () => [...record.effects].map(([id, { state, result }]) => ({ id, state, result: result ?? null })),
    deadLetters: () => [...record.deadLetters.values()],
    waiting: () => record.parked(),
    async stop() {
      const stopped = life.runtime.stop(100);
      await turnUntil('the actor has stopped', () => life.runtime.status().units === 0);
      await stopped;
    },
  };

  async function turnUntil(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`did not happen within ${SETTLE_MS} ms: ${what}`);
      await clock.turns(1);
    }
  }
}

/** The stream that takes a subject. */
export function streamOf(subject: string): string {
  switch (parseSubject(subject)?.kind) {
    case 'event':
      return STREAMS.events;
    case 'command':
      return STREAMS.commands;
    case 'dead':
      return STREAMS.deadLetters;
    default:
      return STREAMS.advisories;
  }
}

function isEmitted({ subject }: Message): boolean {
  const parsed = parseSubject(subject);
  return parsed?.kind === 'event' && parsed.source === ACTOR_SOURCE;
}

function emitOf({ id, key, headers, body }: Message): TestEmit {
  return { id, key, type: headers[HEADERS.ceType] ?? '', data: JSON.parse(Buffer.from(body).toString()) as unknown };
}
