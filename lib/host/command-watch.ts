import { requestApiUntil } from '../jetstream/api-request.ts';
import { readBounds } from '../jetstream/log-reader.ts';
import { scanLog } from '../jetstream/log-scan.ts';
import { type BareStep, type LaneFloor, readStepAccount, type StepAccount } from '../store/step-account.ts';
import { BareSteps, type CommandAuditOptions, isSettled, LaneTable, skippedText, tellSteps } from './command-audit.ts';
import type { Unaccounted } from './event-audit.ts';
import { type ConsumersByStream, findSkipped, readConsumers } from './lane-positions.ts';

/** A run is looked at when it has had time to get its step onto its way. */
const SETTLED_IN_MS = 60_000;
/** Runs of at most so long are looked at in one round, so that a round after a long outage costs no more than others do. */
const WINDOW_MS = 600_000;
/** More than the clocks of a program and the broker are apart. */
const CLOCKS_APART_MS = 5_000;
/** Messages that are read in a round at most, about a third of a second of work: with more to do the steps are looked at later. */
const MAX_READ = 40_000;
const WITHIN_MS = 5_000;

interface StreamState {
  readonly state: { readonly num_deleted?: number };
}

export interface CommandWatchOptions extends CommandAuditOptions {
  /** How long a run has been under way before it is looked at. Milliseconds. (Default: a minute) */
  readonly settledInMs?: number;
  /** What consumers stand past, each round anew. */
  readonly onSkipped: (found: Unaccounted) => void;
}

/** What of COMMANDS is looked at all the time. Each part costs the same however long the log is: `visapi audit` goes through all of it. */
export class CommandWatch {
  readonly #options: CommandWatchOptions;
  /** Holes in the middle of the log that have been told. */
  #holes: number;
  /** Runs that began before it have been looked at. Milliseconds since the epoch. */
  #from: number;
  /** Messages that consumers stood past in the last round, by consumer. */
  #passed = new Map<string, number>();

  private constructor(options: CommandWatchOptions, holes: number) {
    this.#options = options;
    this.#holes = holes;
    this.#from = Date.now();
  }

  /** What was there before is `visapi audit`'s. */
  static async begin(options: CommandWatchOptions): Promise<CommandWatch> {
    return new CommandWatch(options, await holesIn(options));
  }

  /** Runs that began before this moment have been looked at. Milliseconds since the epoch. */
  get reached(): number {
    return this.#from;
  }

  /** @returns messages that consumers were made to skip, now */
  async round(): Promise<number> {
    const { connection, log, settledInMs = SETTLED_IN_MS } = this.#options;
    await this.#lookForHoles();
    const consumers = await readConsumers(connection, log.laneStreams);
    const before = Math.min(Date.now() - settledInMs, this.#from + WINDOW_MS);
    const hasWindow = before > this.#from;
    const [from, to] = [this.#from, hasWindow ? before : this.#from].map((ms) => new Date(ms).toISOString());
    const account = await readStepAccount(this.#options.database, { from: from!, before: to! });
    if (hasWindow) await this.#lookAt(account, consumers, before);
    return await this.#lookForSkipped(account.lanes, consumers);
  }

  async #lookForHoles(): Promise<void> {
    const { log, onUnaccounted } = this.#options;
    const holes = await holesIn(this.#options);
    if (holes > this.#holes)
      onUnaccounted({ what: 'deleted', where: `${log.stream} (visapi audit says which)`, count: holes - this.#holes });
    this.#holes = holes;
  }

  async #lookAt(account: StepAccount, consumers: ConsumersByStream, before: number): Promise<void> {
    const left = account.bare.length === 0 ? [] : await this.#leftOf(account, consumers);
    // There is much to do: the next round asks again.
    if (left === undefined) return;
    tellSteps(left, account.stopped, this.#options.onUnaccounted);
    this.#from = before;
  }

  /**
   * Those steps that no message of the log brings on; undefined where too much would have to be read to know. What a run has sent came to
   * the log after its begin, and is with an actor that has something to do.
   */
  async #leftOf({ bare, lanes }: StepAccount, consumers: ConsumersByStream): Promise<readonly BareStep[] | undefined> {
    const { connection, log } = this.#options;
    const { lastSeq } = await readBounds(connection, log.stream);
    const table = new LaneTable(lanes, log.stream);
    const steps = new BareSteps(bare, log);
    let left = MAX_READ;
    // At last those to actors that never were there.
    for (const filter of [...this.#busyActors(lanes, consumers).map(log.filterOf), undefined]) {
      const range = { stream: log.stream, sinceMs: this.#from - CLOCKS_APART_MS, toSeq: lastSeq, headersOnly: true };
      if (steps.isEmpty) break;
      for await (const chunk of scanLog(connection, filter === undefined ? range : { ...range, filter })) {
        for (const message of chunk) {
          const told = log.laneOf(message.subject);
          if (told !== undefined && !isSettled(table.find(told), message.seq)) steps.meet(told.actor, message);
        }
        left -= chunk.length;
        if (steps.isEmpty) return [];
        if (left <= 0) return undefined;
      }
    }
    return steps.left;
  }

  /** Actors with a lane that has something to do, as its consumer says, or whose consumer is not there. */
  #busyActors(lanes: readonly LaneFloor[], consumers: ConsumersByStream): string[] {
    const { stream, consumerOf } = this.#options.log;
    const open = new Map(consumers.get(stream)?.map(({ name, open: count }) => [name, count]));
    const busy = lanes.filter((lane) => lane.stream === stream && open.get(consumerOf(lane)) !== 0);
    return [...new Set(busy.map(({ actor }) => actor))];
  }

  /** An owner puts its consumer back within seconds: what is told has stood there in two rounds. */
  async #lookForSkipped(lanes: readonly LaneFloor[], consumers: ConsumersByStream): Promise<number> {
    const { connection, log, onSkipped } = this.#options;
    const passed = new Map<string, number>();
    let count = 0;
    for (const { lane, consumer, sequences } of await findSkipped({ connection, lanes, consumers, consumerOf: log.consumerOf })) {
      const name = `${lane.stream} ${consumer}`;
      passed.set(name, sequences.length);
      if (!this.#passed.has(name)) continue;
      count += sequences.length;
      onSkipped({ what: 'skipped', where: skippedText(lane.stream, consumer, sequences), count: sequences.length });
    }
    this.#passed = passed;
    return count;
  }
}

async function holesIn({ connection, log }: CommandAuditOptions): Promise<number> {
  const { state } = await requestApiUntil<StreamState>(connection, `$JS.API.STREAM.INFO.${log.stream}`, undefined, WITHIN_MS);
  return state.num_deleted ?? 0;
}
