import { HEADERS } from '../core/headers.ts';
import type { Priority } from '../core/priority.ts';
import { isSettledIn } from '../core/settled-span.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { readBounds } from '../jetstream/log-reader.ts';
import { type ScannedMessage, scanLog } from '../jetstream/log-scan.ts';
import type { Database } from '../store/database.ts';
import { type BareStep, type LaneFloor, readKnownSteps, readStepAccount } from '../store/step-account.ts';
import { rangeText, type Unaccounted } from './event-audit.ts';
import { type LaneSum, LaneSums } from './lane-sums.ts';
import { findSkipped, readConsumers } from './lane-positions.ts';

/** Where an installation keeps its commands. */
export interface CommandLog {
  readonly stream: string;
  /** The streams whose lanes' consumers are compared with the record. */
  readonly laneStreams: readonly string[];
  /** Of the actor that steps tell their results; a message to it is a result. */
  readonly resultActor: string;
  /** Undefined where it is no command's. */
  readonly laneOf: (subject: string) => { readonly actor: string; readonly priority: Priority; readonly slot: number } | undefined;
  /** All messages to an actor. */
  readonly filterOf: (actor: string) => string;
  /** A lane's consumer. */
  readonly consumerOf: (lane: Pick<LaneFloor, 'actor' | 'priority' | 'partition'>) => string;
}

export interface CommandAuditOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: CommandLog;
  readonly onUnaccounted: (found: Unaccounted) => void;
}

export interface CommandSums {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
  readonly lanes: readonly LaneSum[];
}

/**
 * Accounts for the log of commands: every sequence from its first to its last, in its lane; every step that waits; every consumer.
 * Changes nothing.
 *
 * The consumers are read before the record, and the record, in one snapshot, before the log: what is settled or published meanwhile is
 * found where it was.
 */
export async function auditCommands(options: CommandAuditOptions): Promise<CommandSums> {
  const { connection, database, log } = options;
  const consumers = await readConsumers(connection, log.laneStreams);
  const { bare, stopped, lanes } = await readStepAccount(database);
  const { firstSeq, lastSeq } = await readBounds(connection, log.stream);
  const reading = new CommandReading(options, lanes, bare, firstSeq);
  for await (const chunk of scanLog(connection, { stream: log.stream, fromSeq: firstSeq, toSeq: lastSeq, headersOnly: true }))
    await reading.account(chunk);
  reading.end(lastSeq);
  tellSteps(reading.stranded, stopped, options.onUnaccounted);
  for (const { consumer, lane, sequences } of await findSkipped({ connection, lanes, consumers, consumerOf: log.consumerOf }))
    options.onUnaccounted({ what: 'skipped', where: skippedText(lane.stream, consumer, sequences), count: sequences.length });
  return { firstSeq, lastSeq, messages: reading.messages, lanes: reading.sums };
}

/** Says of each step that waits and each run that stands still. */
export function tellSteps(bare: readonly BareStep[], stopped: readonly string[], onUnaccounted: (found: Unaccounted) => void): void {
  for (const { run, path, commandId } of bare)
    onUnaccounted({ what: 'stranded', where: `run ${run}, step ${path} (command ${commandId})`, count: 1 });
  for (const run of stopped) onUnaccounted({ what: 'stranded', where: `run ${run} (no step of it waits)`, count: 1 });
}

export function skippedText(stream: string, consumer: string, sequences: readonly number[]): string {
  const [from = 0] = sequences;
  return `${stream} ${rangeText({ from, to: sequences.at(-1) ?? from })} by consumer ${consumer}`;
}

/** The steps that a message of the log still brings on. */
export class BareSteps {
  readonly #byCommand: Map<string, BareStep>;
  readonly #byStep: Map<string, BareStep>;
  readonly #log: CommandLog;

  constructor(bare: readonly BareStep[], log: CommandLog) {
    this.#byCommand = new Map(bare.map((step) => [step.commandId, step]));
    this.#byStep = new Map(bare.map((step) => [`${step.run} ${step.path}`, step]));
    this.#log = log;
  }

  get isEmpty(): boolean {
    return this.#byCommand.size === 0;
  }

  get left(): readonly BareStep[] {
    return [...this.#byCommand.values()];
  }

  /** A message that is not settled. */
  meet(actor: string, message: ScannedMessage): void {
    if (this.#byCommand.size === 0) return;
    const isResult = actor === this.#log.resultActor;
    const step = isResult
      ? this.#byStep.get(`${message.header(HEADERS.run)} ${message.header(HEADERS.step)}`)
      : this.#byCommand.get(message.header(HEADERS.id));
    // A result of an earlier generation of the step brings nothing on. A timer's message has the command's own id.
    if (step === undefined || (isResult && !isOf(step.commandId, message.header(HEADERS.id)))) return;
    this.#byCommand.delete(step.commandId);
    this.#byStep.delete(`${step.run} ${step.path}`);
  }
}

function isOf(commandId: string, id: string): boolean {
  return id === commandId || id.startsWith(`${commandId}/`);
}

/** Lanes of one stream, found by a message's actor, priority and slot. */
export class LaneTable {
  readonly #lanes = new Map<string, LaneFloor>();
  readonly #partitions = new Map<string, number>();

  constructor(lanes: readonly LaneFloor[], stream: string) {
    for (const lane of lanes) {
      if (lane.stream !== stream) continue;
      this.#lanes.set(`${lane.actor} ${lane.priority} ${lane.partition}`, lane);
      this.#partitions.set(lane.actor, Math.max(this.#partitions.get(lane.actor) ?? 0, lane.partition + 1));
    }
  }

  find({ actor, priority, slot }: { readonly actor: string; readonly priority: Priority; readonly slot: number }): LaneFloor | undefined {
    const partitions = this.#partitions.get(actor);
    return partitions === undefined ? undefined : this.#lanes.get(`${actor} ${priority} ${slot % partitions}`);
  }
}

export function isSettled(lane: LaneFloor | undefined, seq: number): boolean {
  return lane !== undefined && isSettledIn(lane, seq);
}

class CommandReading {
  messages = 0;
  readonly #options: CommandAuditOptions;
  readonly #lanes: LaneTable;
  readonly #bare: BareSteps;
  readonly #sums = new LaneSums();
  #next: number;

  constructor(options: CommandAuditOptions, lanes: readonly LaneFloor[], bare: readonly BareStep[], firstSeq: number) {
    this.#options = options;
    this.#lanes = new LaneTable(lanes, options.log.stream);
    this.#bare = new BareSteps(bare, options.log);
    this.#next = firstSeq;
  }

  get sums(): readonly LaneSum[] {
    return this.#sums.all;
  }

  get stranded(): readonly BareStep[] {
    return this.#bare.left;
  }

  async account(chunk: readonly ScannedMessage[]): Promise<void> {
    const done: { run: string; path: string; where: string }[] = [];
    for (const message of chunk) {
      this.end(message.seq - 1);
      this.#next = message.seq + 1;
      this.messages += 1;
      const told = this.#options.log.laneOf(message.subject);
      if (told === undefined) continue;
      const lane = this.#lanes.find(told);
      const settled = isSettled(lane, message.seq);
      this.#sums.count({ actor: told.actor, priority: told.priority, partition: lane?.partition ?? null }, settled);
      if (!settled) this.#bare.meet(told.actor, message);
      const run = message.header(HEADERS.run);
      if (settled && run !== '' && told.actor !== this.#options.log.resultActor)
        done.push({
          run,
          path: message.header(HEADERS.step),
          where: `${message.header(HEADERS.id)} (${this.#options.log.stream} ${message.seq})`,
        });
    }
    const known = await readKnownSteps(this.#options.database, done);
    for (const [index, { where }] of done.entries())
      if (known[index] !== true) this.#options.onUnaccounted({ what: 'unrecorded', where, count: 1 });
  }

  /** Everything up to this sequence was to be there. */
  end(seq: number): void {
    if (seq < this.#next) return;
    const { stream } = this.#options.log;
    const where = `${stream} ${rangeText({ from: this.#next, to: seq })}`;
    this.#options.onUnaccounted({ what: 'deleted', where, count: seq + 1 - this.#next });
    this.#next = seq + 1;
  }
}
