import type { Clock } from '../core/clock.ts';
import { isBroken, onceDurable } from '../core/guards.ts';
import { type AttemptOutcome, decided, runAttempt } from './attempt.ts';
import type { BrokerPort } from './broker-port.ts';
import type { Claims } from './claims.ts';
import { type Conclusion, conclude } from './conclude.ts';
import type { DeadLetterSubjects } from './dead-letter.ts';
import { type ActorDefinition, DEFAULT_SLOTS } from './define-actor.ts';
import { type Job, takeJob } from './job.ts';
import { leasedClaim } from './leased-claim.ts';
import { classOf, isReady, type Line } from './line.ts';
import type { Message } from './message.ts';
import { type ActorObserver, within } from './observer.ts';
import type { Outbox } from './outbox.ts';
import type { Quarantine } from './quarantine.ts';
import { isTimer, type RecordPort } from './record-port.ts';
import { reportAttempt, type RuntimeLog } from './report-attempt.ts';
import { RunningTurns } from './running-turns.ts';
import { Scheduler } from './scheduler.ts';
import type { Sequence } from './sequence.ts';
import type { Settler } from './settler.ts';
import { StateReads } from './states.ts';
import { needsQuarantine } from './suspects.ts';
import type { Unit } from './unit.ts';
import { reject } from './verdict.ts';

/**
 * Runs one actor's messages: takes what is ready from the scheduler, starts its handler, has the outcome settled, and
 * only then lets the mailbox go on.
 */
export interface ExecutorEnvironment {
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly claims: Claims;
  readonly settler: Settler;
  readonly outbox: Outbox;
  readonly quarantine: Quarantine;
  /** One suspect after the other, of the whole process, is recorded and started. */
  readonly suspectStarts: Sequence;
  readonly observer: ActorObserver;
  readonly subjects: DeadLetterSubjects;
  readonly sourceOf: (message: Message) => string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: RuntimeLog;
  /** Aborts when handlers have to stop now. */
  readonly stop: AbortSignal;
}

/** How long to wait before something that is away (broker, store) is asked again. */
const AGAIN_MS = 250;

/** How long to wait before a dead letter that the store refused for its content is tried again: a person has to see to it. */
const UNSTORABLE_AGAIN_MS = 5_000;

export class Executor {
  readonly definition: ActorDefinition;
  readonly #environment: ExecutorEnvironment;
  readonly #scheduler: Scheduler<{ unit: Unit; line: Line; source: string }>;
  readonly #turns: RunningTurns;
  /** Undefined: the actor keeps nothing. */
  readonly #states: StateReads | undefined;
  #isStopped = false;

  constructor(definition: ActorDefinition, environment: ExecutorEnvironment) {
    this.definition = definition;
    this.#environment = environment;
    this.#scheduler = new Scheduler(definition.slots ?? DEFAULT_SLOTS);
    this.#turns = new RunningTurns({ ...environment, timeoutMs: definition.timeoutMs });
    this.#states = definition.state === undefined ? undefined : new StateReads(environment.record, environment.clock);
  }

  offer(unit: Unit, line: Line): void {
    if (line.isOffered || line.mailbox.running !== undefined || !isReady(line)) return;
    line.isOffered = true;
    const source = this.#sourceOf(line);
    this.#scheduler.offer(classOf(line), source, { unit, line, source });
    this.pump();
  }

  /** Starts what may start. */
  pump(): void {
    while (!this.#isStopped && this.#environment.quarantine.isOpen) {
      const next = this.#scheduler.take();
      if (next === undefined) return;
      const { unit, line, source } = next;
      line.isOffered = false;
      const isIdle = unit.isDropped || unit.isLeaving || line.mailbox.running !== undefined || !isReady(line);
      if (isIdle) this.#scheduler.finish(classOf(line), source);
      else void this.#run(unit, line, source);
    }
  }

  /** Starts nothing more; what runs goes on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** What waits in the store is of no source: its message is not in memory. */
  #sourceOf({ waiting, queue }: Line): string {
    return waiting === undefined ? this.#environment.sourceOf(queue[0]!.message) : '';
  }

  async #run(unit: Unit, line: Line, source: string): Promise<void> {
    unit.mailboxes.begin(line);
    try {
      if (!unit.isLeased && !(await unit.isLeasedAgain(() => this.#isStopped))) return;
      if (unit.isLeaving) return unit.mailboxes.release(line);
      const taken = await this.#take(unit, line);
      const job = taken === undefined || this.#states === undefined ? taken : await this.#takeState(taken, this.#states);
      if (job !== undefined) await this.#handle(job);
    } finally {
      this.#scheduler.finish(classOf(line), source);
      this.pump();
    }
  }

  async #handle(job: Job): Promise<void> {
    const { quarantine, log, clock } = this.#environment;
    const isAlone = job.isSuspect && needsQuarantine(job.starts, job.attempt, this.definition.retry.attempts);
    await (isAlone ? quarantine.enterAlone() : quarantine.enter());
    const leave = (): void => (isAlone ? quarantine.leaveAlone() : quarantine.leave());
    // It may have been read, or have waited for its turn, for so long that the process stops or the unit is, or will be, somebody else's.
    if (this.#isStopped || !job.unit.mayStart) {
      leave();
      this.#giveBack(job);
      return;
    }
    let conclusion: Conclusion;
    try {
      const begun = clock.monotonic();
      const crashed = job.unit.suspects.judge(job.message, job.attempt - 1, this.definition.retry.attempts);
      const outcome = crashed === undefined ? await this.#attempt(job, isAlone) : decided(crashed);
      // One that crashed is not started again: its last attempt is the one before.
      const ended = await this.#inItsRound(crashed === undefined ? job : { ...job, attempt: job.attempt - 1 }, outcome);
      conclusion = conclude(ended, outcome, this.#environment);
      reportAttempt(ended, outcome, begun, this.#environment);
    } catch (error) {
      log.error(
        { err: error, actor: this.definition.name, messageId: job.message.id },
        'a message could not be handled; it is tried again',
      );
      leave();
      clock.after(AGAIN_MS, () => this.#giveBack(job));
      return;
    }
    this.#settle(job, conclusion, leave);
  }

  /** What there is without parking: whatever fails goes behind the others of its key. */
  #queueAgain({ unit, line, arrival }: Job): void {
    if (arrival !== undefined) line.queue.push(arrival);
    this.offer(unit, line);
  }

  /** Puts a message back to where it was taken from, as if it had not been started. */
  #giveBack({ unit, line, arrival }: Job): void {
    if (arrival !== undefined) line.queue.unshift(arrival);
    unit.mailboxes.release(line);
  }

  async #take(unit: Unit, line: Line): Promise<Job | undefined> {
    try {
      return await takeJob(unit, line, this.#environment.broker);
    } catch (error) {
      this.#environment.log.warn({ err: error, actor: this.definition.name }, 'a waiting message could not be read; trying again');
      if (line.waiting !== undefined) unit.mailboxes.postpone(line, line.waiting, AGAIN_MS);
      return undefined;
    }
  }

  /** The job with what its key has; undefined where that could not be read now: then it was given back. */
  async #takeState(job: Job, states: StateReads): Promise<Job | undefined> {
    const { clock, log, observer } = this.#environment;
    const { unit, message, line, parsed } = job;
    if (job.isGone || 'invalid' in parsed) return job;
    const actor = this.definition.name;
    const id = { actor, eventKey: message.key, key: line.mailbox.key };
    try {
      const cached = unit.states.get(id);
      const stored = cached.isKnown ? cached.state : await states.read(id);
      if (!cached.isKnown && !unit.isDropped) unit.states.set(id, stored);
      observer.stateLoaded(actor, cached.isKnown ? 'cache' : 'record');
      return stored === undefined ? job : { ...job, stored };
    } catch (error) {
      log.warn({ err: error, actor, messageId: message.id }, 'the state of a key could not be read; trying again');
      clock.after(AGAIN_MS, () => this.#giveBack(job));
      return undefined;
    }
  }

  async #attempt(job: Job, isAlone: boolean): Promise<AttemptOutcome> {
    const { message, parsed } = job;
    if (job.isGone) return decided(reject('expired', `the log does not hold ${message.stream} ${message.seq} any more`));
    if ('invalid' in parsed) return decided(reject('invalid', parsed.invalid, parsed.detail));
    return await (job.isSuspect ? this.#startSuspect(job, parsed, isAlone) : this.#start(job, parsed));
  }

  #start({ unit, message, attempt, stored }: Job, { input, key }: Readable): Promise<AttemptOutcome> {
    const { claims, observer, clock, log } = this.#environment;
    const claim = leasedClaim(claims, unit, message, key);
    return within(observer, this.definition.name, message, () =>
      runAttempt({ definition: this.definition, message, input, stored, number: attempt, claim, turns: this.#turns, clock, log }),
    );
  }

  async #startSuspect(job: Job, parsed: Readable, isAlone: boolean): Promise<AttemptOutcome> {
    const { suspectStarts, record, clock } = this.#environment;
    const { unit, message, starts } = job;
    // The handler is begun before the next suspect's turn, and not waited for.
    const begun = await suspectStarts.run(async () => {
      const isRecorded = await unit.suspects.recordStart(message, starts + 1, isAlone, record, clock);
      // The process may have stood still while that was on its way.
      if (isRecorded && (await unit.isLeasedAgain(() => this.#isStopped))) return { outcome: this.#start(job, parsed) };
      return { outcome: decided({ kind: isRecorded && !unit.isDropped ? 'stopped' : 'fenced' }) };
    });
    return await begun.outcome;
  }

  /** What is replayed and given up again must not hide behind the dead letter that it was before. */
  async #inItsRound(job: Job, { verdict }: AttemptOutcome): Promise<Job> {
    const { message } = job;
    if (message.replay === undefined || (verdict.kind !== 'reject' && verdict.kind !== 'retry')) return job;
    return { ...job, message: { ...message, round: await this.#environment.record.nextRound(this.definition.name, message.id) } };
  }

  /** `isLast`: it is settled as what cannot be stored otherwise. */
  #settle(job: Job, conclusion: Conclusion, leave: () => void, isLast = false): void {
    const { unit, line, message } = job;
    const { settler, outbox, log, clock } = this.#environment;
    if (conclusion.kind === 'left') {
      if (conclusion.isFenced) unit.drop();
      const wasRecorded = !conclusion.isFenced && unit.suspects.has(message);
      unit.suspects.clear(message);
      // An orderly stop is no death: its start must not count as one.
      if (wasRecorded)
        settler.submit({
          unit: unit.lease,
          cleared: { stream: message.stream, seq: message.seq },
          onCommitted: leave,
          onRefused: leave,
          onPoisoned: leave,
        });
      else leave();
      return;
    }
    const { settlement, retryRow } = conclusion;
    if (retryRow !== undefined && isBroken('parking')) {
      leave();
      unit.mailboxes.release(line);
      return void clock.after(AGAIN_MS, () => this.#queueAgain(job));
    }
    const acknowledge = onceDurable('acknowledge', () => {
      if (job.arrival !== undefined) conclusion.acknowledge(job.arrival.lane.source, job.arrival.delivery);
    });
    const publish = onceDurable('outbox', () => void outbox.send((settlement.outbox ?? []).filter((entry) => !isTimer(entry))));
    const goOn = onceDurable('release', () => {
      // The message stood at its line's head, in the store or (its retry could not be stored) only in memory.
      const isHead = line.waiting?.head.seq === message.seq && line.waiting.head.stream === message.stream;
      if (retryRow === undefined && line.waiting !== undefined && isHead) unit.mailboxes.advance(line, line.waiting);
      leave();
      unit.mailboxes.release(line);
    });
    settler.submit({
      ...settlement,
      onCommitted: () => {
        unit.suspects.clear(message);
        if (settlement.state !== undefined) unit.states.set(settlement.state, settlement.state.state ?? undefined);
        acknowledge();
        publish();
        goOn();
      },
      onRefused: () => {
        leave();
        unit.drop();
      },
      onPoisoned: (error) => {
        log.error(
          { err: error, messageId: message.id, actor: this.definition.name },
          'what a message recorded cannot be stored; it becomes a dead letter',
        );
        const because = `what it recorded cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
        const bury = (): void => this.#settle(job, conclude(job, decided(reject('invalid', because)), this.#environment), leave, true);
        // Not even its dead letter can be: something is wrong with the store, and asking at once would be asking for ever.
        if (isLast) clock.after(UNSTORABLE_AGAIN_MS, bury);
        else bury();
      },
    });
    // Behind it: where a batch is taken apart, what stands behind a waiting message must not be settled before it.
    if (retryRow !== undefined) unit.mailboxes.wait(line, retryRow, job.isSuspect);
  }
}

type Readable = Exclude<Job['parsed'], { invalid: string }>;
