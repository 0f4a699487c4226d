import assert from 'node:assert/strict';
import { ManualClock } from '../../core/manual-clock.ts';
import { actor } from '../conformance/bench.ts';
import type { RecordPort } from '../record-port.ts';
import type { ReplayPart } from '../replay.ts';
import { ActorRuntime } from '../runtime.ts';
import { done } from '../verdict.ts';
import { createCuttable } from './cuttable.ts';
import { silentLog, silentObserver } from './silence.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedRecord } from './simulated-record.ts';
import { handPart } from './simulated-replay.ts';
import { slowBroker, slowRecord } from './slow-ports.ts';

const STREAM = 'COMMANDS';
const CONSUMER = 'tester';
/** So few that a lane is full again and again. */
const CAPACITY = 16;
/** What a killed process has sent arrives before its next life begins. */
const REBIRTH_MS = 200;

/** What was handled: its sequence, and the replay that it was handled for. */
export interface Handled {
  readonly seq: number;
  readonly key: string;
  readonly replay: string | undefined;
  /** Virtual milliseconds. */
  readonly at: number;
}

/**
 * One lane of one actor in virtual time, where every call, answer and handler takes as long as `random` says: what a person, a kill
 * or a loss does comes between any two of them.
 */
export class ReplayWorld {
  readonly clock = new ManualClock();
  readonly handled: Handled[] = [];
  /** How often somebody has reset the consumer by hand. */
  resets = 0;
  readonly #random: () => number;
  readonly #begunAt = new Map<string, number>();
  readonly #broker: SimulatedBroker;
  readonly #record: SimulatedRecord;
  #replays = 0;
  #lives = 0;
  #life: { readonly kill: () => void } | undefined;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
    this.#broker = new SimulatedBroker(this.clock, () => STREAM);
    this.#record = new SimulatedRecord(this.clock);
    this.#start();
  }

  get lastSeq(): number {
    return this.#broker.messages(STREAM).length;
  }

  get parts(): readonly ReplayPart[] {
    return this.#record.replayParts;
  }

  /** When a replay was asked for, or a reset by hand was recorded. */
  begunAt(id: string): number {
    return this.#begunAt.get(id) ?? 0;
  }

  async send(key: string): Promise<number> {
    const id = `m${this.lastSeq + 1}`;
    const emit = { id, subject: `commands.default.0.${CONSUMER}`, key, headers: {}, body: Buffer.from(id) };
    return (await this.#broker.publish(emit, new AbortController().signal)).seq;
  }

  /** `untilSeq` null: in place. `isSlow`: at some ten messages a second, so that it holds what it has got. */
  replay(fromSeq: number, untilSeq: number | null, isSlow = false): void {
    const unit = { actor: CONSUMER, partition: 0, epoch: 0 };
    const part = handPart({ unit, stream: STREAM, priority: 'default', fromSeq, untilSeq: untilSeq ?? 0 }, `r${this.#replays++}`);
    const kind = untilSeq === null ? 'in-place' : 'slice';
    this.#begunAt.set(part.options.id, this.clock.monotonic());
    this.#record.replayParts.push({ ...part, untilSeq, kind, rate: isSlow ? 10 : null, filterSubjects: ['commands.default.*.tester'] });
  }

  /** Of those that are not over, in their order; `at` counts around. */
  abort(at: number): void {
    const part = this.#open(at);
    if (part !== undefined) this.#record.replayParts.splice(this.parts.indexOf(part), 1);
  }

  setPaused(at: number, isPaused: boolean): void {
    const part = this.#open(at);
    if (part !== undefined) this.#record.replayParts[this.parts.indexOf(part)] = { ...part, isPaused };
  }

  /** As a person does with the broker's own tool. */
  reset(seq: number): void {
    this.resets++;
    this.#broker.reset(STREAM, CONSUMER, seq);
  }

  steal(): void {
    this.#broker.steal(STREAM, CONSUMER);
  }

  forgetConsumers(): void {
    this.#broker.restart();
  }

  async kill(): Promise<void> {
    this.#life?.kill();
    await this.clock.advance(REBIRTH_MS);
    this.#start();
  }

  end(): void {
    this.#life?.kill();
  }

  /** Lets time pass until the condition holds. Fails where it does not within `withinMs` of virtual time. */
  async until(what: string, withinMs: number, condition: () => boolean): Promise<void> {
    for (const deadline = this.clock.monotonic() + withinMs; !condition(); await this.clock.advance(20))
      if (this.clock.monotonic() > deadline) assert.fail(`did not happen within ${withinMs} ms: ${what}`);
  }

  #open(at: number): ReplayPart | undefined {
    const open = this.parts.filter(({ isEnded }) => !isEnded);
    return open[at % Math.max(1, open.length)];
  }

  #start(): void {
    const wayMs = (): number => Math.floor(this.#random() * 30);
    const slow = { clock: this.clock, wayMs };
    const record = slowRecord(this.#record, slow);
    const recordReset: RecordPort['recordReset'] = async (reset) => {
      const part = await record.recordReset(reset);
      if (part !== undefined) this.#begunAt.set(part.options.id, this.clock.monotonic());
      return part;
    };
    const grantReplay = (): Promise<number> => Promise.resolve(1);
    const ports = createCuttable(slowBroker(this.#broker, slow), { ...record, recordReset, grantReplay }, this.clock);
    const definition = actor(async (_body, { message }) => {
      await new Promise<void>((resolve) => ports.clock.after(this.#random() * 40, resolve));
      this.handled.push({ seq: message.seq, key: message.key, replay: message.replay?.id, at: this.clock.monotonic() });
      return done();
    });
    const runtime = new ActorRuntime({
      ...ports,
      owner: 'owner',
      nonce: String(this.#lives++),
      actors: [definition],
      lanesOf: () => [
        {
          stream: STREAM,
          priority: 'default',
          spec: { stream: STREAM, consumer: CONSUMER, filterSubjects: ['commands.default.*.tester'] },
        },
      ],
      subjects: { deadLetter: (name, reason) => `dead.${name}.${reason}`, advisory: (kind, name) => `advisory.${kind}.${name}` },
      random: this.#random,
      log: silentLog,
      observer: silentObserver,
      timing: { capacity: CAPACITY },
    });
    runtime.start();
    this.#life = { kill: ports.cut };
  }
}
