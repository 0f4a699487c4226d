import type { Clock } from '../../core/clock.ts';
import { PRIORITIES } from '../../core/priority.ts';
import { slotsOf } from '../../core/slot.ts';
import type { BrokerPort } from '../broker-port.ts';
import type { ActorDefinition } from '../define-actor.ts';
import type { Emit } from '../message.ts';
import type { RecordPort } from '../record-port.ts';
import { ActorRuntime, type RuntimeTiming } from '../runtime.ts';
import { Link } from './link.ts';
import { plannedActor } from './planned-actor.ts';
import { ProcessBoundary } from './process-boundary.ts';
import { silentLog, silentObserver } from './silence.ts';
import { outputIdOf } from './world-check.ts';
import type { MessagePlan, WorldPlan } from './world-plan.ts';
import type { WatchedLife, WorldWatch } from './world-watch.ts';

export interface WorldProcessOptions {
  readonly name: string;
  readonly plan: WorldPlan;
  readonly clock: Clock;
  readonly random: () => number;
  readonly watch: WorldWatch;
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  /** The stream of what is addressed to actors. */
  readonly stream: string;
  /** The second gets what the first sends on. */
  readonly actors: readonly [first: string, second: string];
  readonly emitOf: (id: string, actor: string, plan: MessagePlan) => Emit;
  readonly note: (tell: () => string) => void;
}

interface Life extends WatchedLife {
  readonly boundary: ProcessBoundary;
  readonly runtime: ActorRuntime;
}

/** The real ones, in the same relation, a fifth as long: what passes while nothing happens is what a world costs. */
const TIMING: Partial<RuntimeTiming> = { leaseMs: 600, renewMs: 150, fenceMs: 500, pullExpiresMs: 200, checkMs: 150 };
const REBIRTH_MS = 50;

/** A process with the real runtime, one life after the other. */
export class WorldProcess {
  readonly brokerLink: Link;
  readonly recordLink: Link;
  readonly #options: WorldProcessOptions;
  #lives = 0;
  #life: Life | undefined;

  constructor(options: WorldProcessOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.brokerLink = new Link({ clock, random, name: 'the broker' });
    this.recordLink = new Link({ clock, random, name: 'the record' });
  }

  begin(): void {
    const { name, plan, clock, broker, record, stream, actors, random, note } = this.#options;
    const { brokerLink, recordLink } = this;
    const boundary = new ProcessBoundary({ clock, broker, record, brokerLink, recordLink });
    const watched: WatchedLife = {
      name,
      get isDead() {
        return boundary.isDead;
      },
    };
    const runtime = new ActorRuntime({
      clock: boundary.clock,
      broker: boundary.broker,
      record: boundary.record,
      owner: name,
      nonce: `${name}-${this.#lives++}`,
      actors: actors.map((actor) => this.#actorOf(actor, watched, boundary.clock)),
      lanesOf: ({ name: actor, partitions = 1 }, partition) =>
        PRIORITIES.slice(1).map((priority) => ({
          stream,
          priority,
          spec: {
            stream,
            consumer: `${actor}-${priority}-${partition}`,
            filterSubjects: slotsOf(partition, partitions).map((slot) => `commands.${priority}.${slot}.${actor}`),
          },
        })),
      subjects: { deadLetter: (actor, reason) => `dead.${actor}.${reason}`, advisory: (kind, actor) => `advisory.${kind}.${actor}` },
      random,
      log: silentLog,
      observer: silentObserver,
      timing: { ...TIMING, capacity: plan.capacity },
    });
    this.#life = Object.assign(watched, { boundary, runtime });
    note(() => `${name} begins`);
    runtime.start();
  }

  /** As `kill -9` does; it begins again after `rebirthMs`. */
  kill(rebirthMs: number, how = 'is killed'): void {
    if (this.#life === undefined) return;
    this.#options.note(() => `${this.#options.name} ${how}`);
    this.#end(this.#life);
    this.#options.clock.after(rebirthMs, () => this.begin());
  }

  /** As SIGSTOP and, after `ms`, SIGCONT do. */
  pause(ms: number): void {
    const { clock, name, note } = this.#options;
    if (this.#life === undefined) return;
    const { boundary } = this.#life;
    note(() => `${name} stands still for ${ms} ms`);
    boundary.pause();
    clock.after(ms, () => {
      note(() => `${name} goes on`);
      boundary.wake();
    });
  }

  /** As SIGTERM and a new start do. */
  async restart(drainMs: number): Promise<void> {
    const { name, note } = this.#options;
    const life = this.#life;
    if (life === undefined) return;
    // One that stands still hears of it when it goes on.
    await new Promise<void>((resolve) => void life.boundary.clock.after(0, resolve));
    note(() => `${name} is asked to stop`);
    await life.runtime.stop(drainMs);
    if (this.#life !== life) return;
    note(() => `${name} has stopped`);
    this.#end(life);
    this.begin();
  }

  /** For good. */
  end(): void {
    if (this.#life !== undefined) this.#end(this.#life);
  }

  #end(life: Life): void {
    life.boundary.kill();
    this.#options.watch.died(life);
    this.#life = undefined;
  }

  #actorOf(actor: string, life: WatchedLife, clock: Clock): ActorDefinition {
    const { name, plan, watch, actors, emitOf, note } = this.#options;
    return plannedActor({
      name: actor,
      plan,
      watch,
      life,
      clock,
      outputOf: (messageId, output, dueAt) => ({
        ...emitOf(outputIdOf(messageId, actor), actors[1], output),
        ...(dueAt === undefined ? {} : { dueAt }),
      }),
      crash: () => this.kill(REBIRTH_MS, 'crashes'),
      note: (tell) => note(() => `${name}: ${tell()}`),
    }) as ActorDefinition;
  }
}
