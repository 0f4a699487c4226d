import type { Clock } from '../core/clock.ts';
import { type AttemptOutcome, runAttempt } from './attempt.ts';
import type { BrokerPort } from './broker-port.ts';
import type { Claims } from './claims.ts';
import { type Conclusion, conclude } from './conclude.ts';
import { type DeadLetterSubjects, reviveMessage } from './dead-letter.ts';
import type { ActorDefinition, ActorLog } from './define-actor.ts';
import { type Arrival, isReady, type Line } from './line.ts';
import type { Message } from './message.ts';
import type { ActorObserver } from './observer.ts';
import type { Outbox } from './outbox.ts';
import { type Parsed, parseInput } from './parsed.ts';
import type { Quarantine } from './quarantine.ts';
import type { ParkedRow, RecordPort } from './record-port.ts';
import { Scheduler } from './scheduler.ts';
import type { Settler } from './settler.ts';
import type { Unit } from './unit.ts';
import { reject } from './verdict.ts';

/**
 * Runs one actor's messages: takes what is ready from the scheduler, starts its handler, has the outcome settled, and
 * only then lets the mailbox go on.
 *
 * A suspect (it may have been in flight when an owner died) has its start recorded before its handler runs; from the third
 * recorded start on it runs in quarantine, and only starts in quarantine can end as `crashed`.
 */
export interface ExecutorEnvironment {
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly claims: Claims;
  readonly settler: Settler;
  readonly outbox: Outbox;
  readonly quarantine: Quarantine;
  readonly observer: ActorObserver;
  readonly subjects: DeadLetterSubjects;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: ActorLog;
  /** Aborts when handlers have to stop now. */
  readonly stop: AbortSignal;
}

/** One message on its way through a handler. */
export interface Job {
  readonly unit: Unit;
  readonly line: Line;
  readonly message: Message;
  readonly parsed: Parsed;
  readonly arrival: Arrival | undefined;
  readonly row: ParkedRow | undefined;
  readonly isSuspect: boolean;
  /** The number of this start, from 1. */
  attempt: number;
}

/** Recorded starts after which a suspect runs alone in its process. */
const STARTS_BEFORE_QUARANTINE = 2;
/** How long to wait before something that is away (broker, store) is asked again. */
const AGAIN_MS = 250;

export class Executor {
  readonly definition: ActorDefinition;
  readonly #environment: ExecutorEnvironment;
  readonly #scheduler: Scheduler<{ unit: Unit; line: Line }>;
  #isStopped = false;

  constructor(definition: ActorDefinition, environment: ExecutorEnvironment) {
    this.definition = definition;
    this.#environment = environment;
    this.#scheduler = new Scheduler(definition.slots ?? 64);
  }

  offer(unit: Unit, line: Line): void {
    if (line.isOffered || line.mailbox.running !== undefined || !isReady(line)) return;
    line.isOffered = true;
    this.#scheduler.offer(line.priority, { unit, line });
    this.pump();
  }

  /** Starts what may start. */
  pump(): void {
    while (!this.#isStopped && this.#environment.quarantine.isOpen) {
      const next = this.#scheduler.take();
      if (next === undefined) return;
      const { unit, line } = next;
      line.isOffered = false;
      if (unit.isDropped || line.mailbox.running !== undefined || !isReady(line)) this.#scheduler.finish(line.priority);
      else void this.#run(unit, line);
    }
  }

  /** Starts nothing more; what runs goes on. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(unit: Unit, line: Line): Promise<void> {
    line.mailbox.running = line;
    try {
      if (!unit.isLeased && !(await this.#mayStart(unit))) return;
      const job = await this.#pick(unit, line);
      if (job !== undefined) await this.#handle(job);
    } finally {
      this.#scheduler.finish(line.priority);
      this.pump();
    }
  }

  async #handle(job: Job): Promise<void> {
    const { quarantine, log, clock } = this.#environment;
    const isAlone = this.#needsQuarantine(job);
    await (isAlone ? quarantine.enterAlone() : quarantine.enter());
    const leave = (): void => (isAlone ? quarantine.leaveAlone() : quarantine.leave());
    let conclusion: Conclusion;
    try {
      const begun = clock.monotonic();
      const outcome = await this.#attempt(job, isAlone);
      conclusion = conclude(job, outcome, this.#environment);
      this.#report(job, outcome, begun);
    } catch (error) {
      log.error({ err: error, actor: this.definition.name, messageId: job.message.id }, 'a message could not be handled; it is tried again');
      leave();
      clock.after(AGAIN_MS, () => this.#giveBack(job));
      return;
    }
    this.#settle(job, conclusion, leave);
  }

  /** Puts a message back to where it was taken from, as if it had not been started. */
  #giveBack({ unit, line, arrival }: Job): void {
    if (arrival !== undefined) line.queue.unshift(arrival);
    unit.release(line);
  }

  /** Without a valid lease nothing starts: the line is offered again when the lease is (or the unit is gone). */
  async #mayStart(unit: Unit): Promise<boolean> {
    while (!unit.isLeased) {
      if (unit.isDropped || this.#isStopped) return false;
      await new Promise<void>((resolve) => this.#environment.clock.after(AGAIN_MS, resolve));
    }
    return true;
  }

  /** Takes the line's next message out; undefined when it has to wait because the broker is away. */
  async #pick(unit: Unit, line: Line): Promise<Job | undefined> {
    const { waiting } = line;
    if (waiting === undefined) {
      const arrival = line.queue.shift()!;
      const { message, parsed, isSuspect } = arrival;
      return this.#job({ unit, line, message, parsed, arrival, row: undefined, isSuspect });
    }
    const row = waiting.head;
    let message: Message | undefined;
    try {
      message = await this.#environment.broker.read(row.stream, row.seq);
    } catch (error) {
      this.#environment.log.warn({ err: error, stream: row.stream, seq: row.seq }, 'a waiting message could not be read; trying again');
      unit.postpone(line, waiting, AGAIN_MS);
      return undefined;
    }
    waiting.isDue = false;
    const gone = { id: row.messageId, key: row.key, priority: row.priority, stream: row.stream, seq: row.seq, subject: '', headers: {}, body: new Uint8Array(), storedAt: 0, round: 0 };
    const revived = message === undefined ? gone : reviveMessage(message);
    const parsed: Parsed = message === undefined ? { key: row.key, invalid: 'expired', detail: null } : parseInput(this.definition, revived);
    return this.#job({ unit, line, message: revived, parsed, arrival: undefined, row, isSuspect: waiting.isSuspect });
  }

  #job(job: Omit<Job, 'attempt'>): Job {
    const recorded = job.unit.suspects.get(addressOf(job.message));
    return { ...job, attempt: (job.row?.attempts ?? 0) + (recorded?.starts ?? 0) + 1 };
  }

  #needsQuarantine({ unit, message }: Job): boolean {
    return (unit.suspects.get(addressOf(message))?.starts ?? 0) >= STARTS_BEFORE_QUARANTINE;
  }

  async #attempt(job: Job, isAlone: boolean): Promise<AttemptOutcome> {
    const { unit, message, parsed, row } = job;
    if ('invalid' in parsed) {
      const reason = row !== undefined && message.subject === '' ? 'expired' : 'invalid';
      const because = reason === 'expired' ? `the log does not hold ${message.stream} ${message.seq} any more` : parsed.invalid;
      return { verdict: reject(reason, because, parsed.detail), emits: [], rows: [], effects: [] };
    }
    const crashed = await this.#recordSuspect(job, isAlone);
    if (crashed !== undefined) return { verdict: crashed, emits: [], rows: [], effects: [] };
    const { claims, clock, log, stop } = this.#environment;
    return await runAttempt({
      definition: this.definition,
      message,
      input: parsed.input,
      number: job.attempt,
      claim: (request) => claims.claim(unit.lease, message, parsed.key, request),
      stop,
      clock,
      log,
    });
  }

  async #recordSuspect({ unit, message, isSuspect, row, attempt }: Job, quarantined: boolean): Promise<AttemptOutcome['verdict'] | undefined> {
    const recorded = unit.suspects.get(addressOf(message));
    if (recorded === undefined && !isSuspect) return undefined;
    // The start that made it a suspect was not recorded, so it is added.
    const counted = (row?.attempts ?? 0) + (recorded?.starts ?? 0) + 1;
    if (recorded?.quarantined === true && counted >= this.definition.retry.attempts)
      return reject('crashed', `its process ended or stood still during ${counted} starts, the last of them alone`, { starts: counted, attempt });
    const start = { unit: unit.lease, stream: message.stream, seq: message.seq, starts: (recorded?.starts ?? 0) + 1, quarantined };
    const { record, clock } = this.#environment;
    for (;;) {
      try {
        const { refused } = await record.recordStarts([start]);
        if (refused.length > 0) return { kind: 'fenced' };
        unit.suspects.set(addressOf(message), start);
        return undefined;
      } catch (error) {
        if (!record.isTransient(error) || unit.isDropped) throw error;
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
      }
    }
  }

  #settle(job: Job, conclusion: Conclusion, leave: () => void): void {
    const { unit, line } = job;
    const { settler, outbox, log } = this.#environment;
    if (conclusion.kind === 'left') {
      leave();
      if (conclusion.isFenced) unit.drop();
      return;
    }
    const { settlement, retryRow } = conclusion;
    if (retryRow !== undefined) unit.wait(line, retryRow);
    settler.submit({
      ...settlement,
      onCommitted: () => {
        unit.suspects.delete(addressOf(job.message));
        if (job.arrival !== undefined) conclusion.acknowledge(job.arrival.lane.source, job.arrival.delivery);
        void outbox.send(settlement.outbox ?? []);
        if (retryRow === undefined && job.row !== undefined && line.waiting !== undefined) unit.advance(line, line.waiting);
        leave();
        unit.release(line);
      },
      onRefused: () => {
        leave();
        unit.drop();
      },
      onPoisoned: (error) => {
        log.error({ err: error, messageId: job.message.id, actor: this.definition.name }, 'what a message recorded cannot be stored; it becomes a dead letter');
        const because = `what it recorded cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
        const outcome: AttemptOutcome = { verdict: reject('invalid', because), emits: [], rows: [], effects: [] };
        this.#settle(job, conclude(job, outcome, this.#environment), leave);
      },
    });
  }

  #report(job: Job, { verdict, effects }: AttemptOutcome, begun: number): void {
    const { observer, clock, log } = this.#environment;
    const { message, attempt } = job;
    const now = clock.monotonic();
    const queueMs = attempt === 1 ? Math.max(0, Math.round(clock.now() - (now - begun) - message.storedAt)) : undefined;
    observer.handled(this.definition.name, message.priority, verdict.kind, now - begun, queueMs);
    for (const effect of effects) observer.effect(this.definition.name, effect.state);
    const because = 'because' in verdict ? { because: verdict.because } : {};
    const reason = verdict.kind === 'reject' ? { reason: verdict.reason } : {};
    if (verdict.kind === 'reject') observer.deadLettered(this.definition.name, verdict.reason);
    const fields = { actor: this.definition.name, messageId: message.id, stream: message.stream, seq: message.seq, attempt, verdict: verdict.kind, ...reason, ...because, ...(queueMs === undefined ? {} : { queueMs }), ms: Math.round((now - begun) * 10) / 10 };
    if (verdict.kind === 'done') log.info(fields, 'message');
    else log.warn(fields, 'message');
  }
}

export function addressOf({ stream, seq }: { stream: string; seq: number }): string {
  return `${stream}:${seq}`;
}
