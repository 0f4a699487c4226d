import { HEADERS } from '../core/headers.ts';
import type { Priority } from '../core/priority.ts';
import { isBroken } from '../core/guards.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { type ScannedMessage, scanLog } from '../jetstream/log-scan.ts';
import { NumberAccount, type NumberRange } from '../journal/number-account.ts';
import type { Database } from '../store/database.ts';
import { type LaneSum, LaneSums } from './lane-sums.ts';
import { type LaneFloors, readLaneFloors, readLostEvents, readRecordedFates, type RecordedFate } from '../store/event-account.ts';

/** What became of an event of the log; `unrecorded`: it is settled, and nothing says so. */
export type EventFate = RecordedFate | 'unrecorded';

/** Something of which no rule says where it is. */
export interface Unaccounted {
  readonly what: UnaccountedKind;
  /** Sequences of the log or numbers of a journal, or the id and the sequence of an event. */
  readonly where: string;
  readonly count: number;
}

/**
 * - `deleted`: a sequence in the middle of the log is not there
 * - `unrecorded`, `lost`: see `EventFate` and `RecordedFate`; a command is unrecorded where it is settled and its step has no row
 * - `stranded`: a step waits, and nothing is on its way that brings it on; or a run is open, and no step of it waits
 * - `skipped`: a lane's consumer has passed it, and nobody has settled it
 * - `missing`: a journal gave a number, and neither it nor the log has it
 * - `repeated`: the log has a number of a journal twice
 */
export type UnaccountedKind = (typeof UNACCOUNTED_KINDS)[number];

export const UNACCOUNTED_KINDS = ['deleted', 'unrecorded', 'lost', 'stranded', 'skipped', 'missing', 'repeated'] as const;

/** Where an installation keeps its events, and who settles them. */
export interface EventLog {
  readonly stream: string;
  readonly actor: string;
  readonly partitions: number;
  /** The lane of a subject; undefined where it is no event's. */
  readonly laneOf: (subject: string) => { readonly priority: Priority; readonly slot: number } | undefined;
}

export interface EventAuditOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: EventLog;
  readonly onUnaccounted: (found: Unaccounted) => void;
}

/** Numbers that a relay has under way at once, at most: see `RelayOptions.window`. */
const RELAY_WINDOW = 4_096;
/** From here on numbers are judged; messages. */
const LOOK_BACK = 2 * RELAY_WINDOW;

/** Goes through the log of events and accounts for each one. Changes nothing. */
export class EventAudit {
  readonly events: Record<EventFate, number> = {
    done: 0,
    cancelled: 0,
    'dead-lettered': 0,
    unrouted: 0,
    duplicate: 0,
    waiting: 0,
    lost: 0,
    unrecorded: 0,
  };
  /** By the journal's id. */
  readonly journals = new Map<string, NumberAccount>();
  messages = 0;
  readonly #lanes = new LaneSums();
  /** Whether numbers were noted from the log's first message on, and none has been removed there: then each journal is seen from its number 1 on. */
  #isWhole = false;
  /** The first sequence that was not looked at. */
  next: number;
  readonly #options: EventAuditOptions;

  /** @param fromSeq the first sequence that is to be there */
  constructor(options: EventAuditOptions, fromSeq: number) {
    this.#options = options;
    this.next = fromSeq;
    this.#isWhole = fromSeq === 1;
  }

  /** Notes the journals' numbers in front of the first sequence, without judging the events: what came to the log out of order is not missing then. */
  async lookBack(firstSeq: number): Promise<void> {
    const { connection, log } = this.#options;
    const fromSeq = Math.max(firstSeq, this.next - LOOK_BACK);
    this.#isWhole = fromSeq === 1;
    if (fromSeq >= this.next) return;
    for await (const chunk of scanLog(connection, { stream: log.stream, fromSeq, toSeq: this.next - 1, headersOnly: true }))
      for (const message of chunk) this.#noteNumber(message);
  }

  /** What each lane of the actor has in the log, and how much of it is settled. */
  get lanes(): readonly LaneSum[] {
    return this.#lanes.all;
  }

  /** Numbers of a journal that the log lacks, up to `to`. See `NumberAccount.missing`. */
  missing(account: NumberAccount, to: number, storedBefore?: number): NumberRange[] {
    if (isBroken('audit')) return [];
    // What a relay had under way with the first number that is known may have come to the log before it, and be gone with what was removed.
    const from = this.#isWhole ? 1 : (account.begin ?? to) + RELAY_WINDOW;
    return account.missing(from, to, storedBefore);
  }

  /**
   * Reads on up to a sequence. `untilOpen` stops at the first event that is not settled yet, so that it can be judged the next time, and
   * counts no fates: only what is wrong is asked for.
   */
  async read(toSeq: number, { untilOpen }: { readonly untilOpen: boolean }): Promise<void> {
    const { connection, database, log } = this.#options;
    if (this.next > toSeq) return;
    // Before the log is read: what is settled meanwhile is open, and not lost.
    const floors = await readLaneFloors(database, log.actor, log.stream, log.partitions);
    for await (const chunk of scanLog(connection, { stream: log.stream, fromSeq: this.next, toSeq, headersOnly: true })) {
      const open = untilOpen ? chunk.findIndex((message) => !this.#isSettled(floors, message)) : -1;
      await this.#account(open === -1 ? chunk : chunk.slice(0, open), floors, untilOpen);
      if (open !== -1) return;
    }
    this.#expect(toSeq + 1);
  }

  /** `areSettled`: all of the chunk is, and only what is wrong is asked for; else each one's fate is counted. */
  async #account(chunk: readonly ScannedMessage[], floors: LaneFloors, areSettled: boolean): Promise<void> {
    const { database } = this.#options;
    const ids = chunk.map((message) => message.header(HEADERS.id));
    const fates: ReadonlyMap<string, EventFate> = areSettled ? await readLostEvents(database, ids) : await readRecordedFates(database, ids);
    for (const [index, message] of chunk.entries()) {
      this.#expect(message.seq);
      this.next = message.seq + 1;
      this.messages += 1;
      this.#noteNumber(message);
      const id = ids[index]!;
      const fate = areSettled ? fates.get(id) : (fates.get(id) ?? (this.#isSettled(floors, message) ? 'unrecorded' : 'waiting'));
      if (!areSettled && fate !== undefined) this.events[fate] += 1;
      if (!areSettled) this.#count(message, floors);
      if (fate === 'unrecorded' || fate === 'lost')
        this.#options.onUnaccounted({ what: fate, where: `${id} (sequence ${message.seq})`, count: 1 });
    }
  }

  /** Everything below this sequence was to be there. */
  #expect(seq: number): void {
    if (seq <= this.next) return;
    this.#options.onUnaccounted({ what: 'deleted', where: rangeText({ from: this.next, to: seq - 1 }), count: seq - this.next });
    this.next = seq;
  }

  #isSettled(floors: LaneFloors, { subject, seq }: ScannedMessage): boolean {
    const lane = this.#options.log.laneOf(subject);
    return lane !== undefined && floors.isSettled(lane.priority, lane.slot, seq);
  }

  #count(message: ScannedMessage, floors: LaneFloors): void {
    const { actor, partitions, laneOf } = this.#options.log;
    const lane = laneOf(message.subject);
    if (lane === undefined) return;
    const { priority, slot } = lane;
    this.#lanes.count({ actor, priority, partition: slot % partitions }, floors.isSettled(priority, slot, message.seq));
  }

  #noteNumber(message: ScannedMessage): void {
    const header = message.header(HEADERS.journal);
    const colon = header.lastIndexOf(':');
    const number = Number(header.slice(colon + 1));
    if (colon < 1 || !Number.isSafeInteger(number)) return;
    const journal = header.slice(0, colon);
    const account = this.journals.get(journal) ?? new NumberAccount();
    this.journals.set(journal, account);
    account.add(number, message.storedAt);
  }
}

/** A stretch as people read it. */
export function rangeText({ from, to }: NumberRange): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}
