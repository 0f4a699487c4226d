import { ManualClock } from '../../core/manual-clock.ts';
import { seededRandom } from '../../core/seeded-random.ts';
import { slotOf } from '../../core/slot.ts';
import type { Emit } from '../message.ts';
import { type Link, USUAL_MS } from './link.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedRecord } from './simulated-record.ts';
import { watchedBroker, watchedRecord } from './watched-ports.ts';
import { checkWorld } from './world-check.ts';
import { type Fault, type MessagePlan, planWorld, type WorldPlan } from './world-plan.ts';
import { WorldProcess } from './world-process.ts';
import { WorldWatch } from './world-watch.ts';

const STREAM = 'COMMANDS';
const STREAMS: Readonly<Record<string, string>> = { commands: STREAM, dead: 'DEAD_LETTERS', advisory: 'ADVISORIES' };
const ACTORS = ['first', 'second'] as const;

/** Far more than all retries, take-overs and crashes of a plan need once there is peace. */
const QUIET_WITHIN_MS = 60_000;
const STEP_MS = 50;
/** What nobody should do any more after the end shows in this time. */
const AFTERWARDS_MS = 300;

/** What a world has become: nothing is wrong where there are no violations. */
export interface WorldReport {
  readonly plan: WorldPlan;
  readonly violations: readonly string[];
  /** What happened, one line each with its time; empty where nobody has asked for it. */
  readonly trace: readonly string[];
}

/**
 * One to three processes with the real runtime over a simulated broker and record, in virtual time: messages are sent, chance makes things
 * go wrong, and then there is peace until everything has ended. The same seed makes the same world.
 */
export async function runActorWorld(seed: number, isTraced = false): Promise<WorldReport> {
  const world = new ActorWorld(planWorld(seed), isTraced);
  return await world.run();
}

class ActorWorld {
  readonly #plan: WorldPlan;
  readonly #isTraced: boolean;
  readonly #clock = new ManualClock();
  readonly #broker: SimulatedBroker;
  readonly #record: SimulatedRecord;
  readonly #watch: WorldWatch;
  readonly #processes: readonly WorldProcess[];
  readonly #trace: string[] = [];
  readonly #messages = new Map<string, MessagePlan>();
  readonly #send: (emit: Emit) => void;

  constructor(plan: WorldPlan, isTraced: boolean) {
    this.#plan = plan;
    this.#isTraced = isTraced;
    this.#broker = new SimulatedBroker(this.#clock, (subject) => STREAMS[subject.split('.')[0]!]!);
    this.#record = new SimulatedRecord(this.#clock);
    this.#watch = new WorldWatch({
      now: () => this.#clock.now(),
      isRecordedDone: (effect) => this.#record.effects.get(effect)?.state === 'done',
    });
    const note = (tell: () => string): void => this.#note(tell);
    const watched = { broker: this.#broker, record: this.#record, watch: this.#watch, stream: STREAM, partitions: plan.partitions, note };
    const ports = { ...watched, planOf: (id: string) => this.#messages.get(id)! };
    const broker = watchedBroker(ports);
    const record = watchedRecord(ports);
    this.#send = (emit) => void broker.publish(emit, new AbortController().signal);
    const random = seededRandom(plan.runSeed);
    this.#processes = Array.from(
      { length: plan.processes },
      (_, index) =>
        new WorldProcess({
          name: `p${index + 1}`,
          plan,
          clock: this.#clock,
          random,
          watch: this.#watch,
          broker,
          record,
          stream: STREAM,
          actors: ACTORS,
          emitOf: (id, actor, message) => this.#emit(id, actor, message),
          note,
        }),
    );
  }

  async run(): Promise<WorldReport> {
    const { messages, faults } = this.#plan;
    for (const [index, message] of messages.entries())
      this.#clock.after(message.sentAt, () => this.#send(this.#emit(`m${index + 1}`, ACTORS[0], message)));
    for (const process of this.#processes) process.begin();
    for (const fault of faults) this.#clock.after(fault.at, () => this.#inflict(fault));
    const ends = [...messages.map(({ sentAt }) => sentAt), ...faults.map((fault) => fault.at + ('ms' in fault ? fault.ms : 0))];
    await this.#clock.advance(Math.max(0, ...ends) + 1);
    const deadline = this.#clock.now() + QUIET_WITHIN_MS;
    while (!(await this.#isQuiet()) && this.#clock.now() < deadline && this.#watch.violations.length === 0)
      await this.#clock.advance(STEP_MS);
    await this.#clock.advance(AFTERWARDS_MS);
    const timers = await this.#timers();
    const violations = [...this.#watch.violations];
    const world = { plan: this.#plan, watch: this.#watch, record: this.#record, broker: this.#broker, timers };
    if (violations.length === 0) violations.push(...checkWorld(world));
    for (const process of this.#processes) process.end();
    return { plan: this.#plan, violations, trace: this.#trace };
  }

  async #isQuiet(): Promise<boolean> {
    if (!this.#watch.isOver || this.#record.parked().length > 0 || this.#record.outbox().length > 0) return false;
    return (await this.#timers()) === 0;
  }

  /** Outputs that wait for their time. */
  async #timers(): Promise<number> {
    const partitions = Array.from({ length: this.#plan.partitions }, (_, partition) => partition);
    const units = ACTORS.flatMap((actor) => partitions.map((partition) => ({ actor, partition, epoch: 0 })));
    return (await this.#record.dueTimers(units, Infinity, Infinity)).length;
  }

  #note(tell: () => string): void {
    if (this.#isTraced) this.#trace.push(`${String(this.#clock.now()).padStart(6)} ms  ${tell()}`);
  }

  #emit(id: string, actor: string, plan: MessagePlan): Emit {
    this.#messages.set(id, plan);
    return { id, subject: `commands.${plan.priority}.${slotOf(plan.key)}.${actor}`, key: plan.key, headers: {}, body: Buffer.from(id) };
  }

  #inflict(fault: Fault): void {
    switch (fault.kind) {
      case 'kill':
        return this.#processes[fault.process]!.kill(fault.ms);
      case 'restart':
        return void this.#processes[fault.process]!.restart(fault.ms);
      case 'pause':
        return this.#processes[fault.process]!.pause(fault.ms);
      case 'down':
      case 'frozen':
        return this.#interrupt(fault);
      case 'loss':
      case 'slow':
        return this.#disturb(fault);
      case 'forget':
        this.#note(() => 'the broker forgets its consumers');
        return this.#broker.restart();
      case 'steal':
        this.#note(() => 'a message goes to nobody');
        return this.#broker.steal(STREAM, `${ACTORS[0]}-default-0`);
    }
  }

  #interrupt({ kind, store, process, ms }: Extract<Fault, { kind: 'down' | 'frozen' }>): void {
    const links = this.#processes.filter((_, index) => process === undefined || process === index).map((each) => each[`${store}Link`]);
    this.#note(() => `the ${store} is ${kind} for ${process === undefined ? 'all' : `p${process + 1}`}, ${ms} ms`);
    for (const link of links) link.state = kind;
    this.#clock.after(ms, () => {
      this.#note(() => `the ${store} is back`);
      for (const link of links) link.state = 'up';
    });
  }

  #disturb({ kind, ms, much }: Extract<Fault, { kind: 'loss' | 'slow' }>): void {
    this.#note(() => `${kind} of ${much} for ${ms} ms`);
    const set = (change: Partial<Pick<Link, 'loss' | 'slowMs'>>): void => {
      for (const { brokerLink, recordLink } of this.#processes) for (const link of [brokerLink, recordLink]) Object.assign(link, change);
    };
    set(kind === 'loss' ? { loss: much } : { slowMs: much });
    this.#clock.after(ms, () => set(kind === 'loss' ? { loss: 0 } : { slowMs: USUAL_MS }));
  }
}
