import type { Delivery } from './broker-port.ts';
import type { Suspicion } from './last-hands.ts';
import type { Message } from './message.ts';
import type { Parsed } from './parsed.ts';
import type { LaneId, ParkedRow } from './record-port.ts';
import type { Track } from './track.ts';

/**
 * A line is one key's messages of one lane, in order; a mailbox is all lines of one key in one unit, of which at most one
 * runs. A line waits when its head waits: then the head and all behind it are rows in the store, acknowledged to the
 * broker, and only `behind` (a number) and a page of rows are in memory.
 */
export interface Line extends LaneId {
  readonly mailbox: Mailbox;
  /** Delivered and not started, oldest first. Empty while the line waits. */
  readonly queue: Arrival[];
  /** Rows that somebody else parked (a redelivery) and that this line has still to take in. */
  readonly adopted: ParkedRow[];
  waiting: Waiting | undefined;
  /** It stands in the scheduler's queue. */
  isOffered: boolean;
}

export interface Mailbox {
  readonly key: string;
  /** By `<stream>:<priority>:<replay>`. */
  readonly lines: Map<string, Line>;
  /** The line whose message is being handled or settled. */
  running: Line | undefined;
}

/** A delivery that was read: with its input, or with the reason why it has none. */
export interface Arrival {
  readonly lane: Track;
  readonly message: Message;
  readonly delivery: Delivery;
  readonly parsed: Parsed;
  readonly suspicion: Suspicion;
}

export interface Waiting {
  head: ParkedRow;
  /** Rows behind the head that were read already, oldest first. */
  page: ParkedRow[];
  /** Rows behind the head that are only in the store. */
  behind: number;
  isDue: boolean;
  /** The head is settled and the rows behind it are being read: there is nothing to run until they are here. */
  isReading: boolean;
  /** Of the head. */
  suspicion: Suspicion;
  cancelTimer: () => void;
}

export function isReady(line: Line): boolean {
  return line.waiting === undefined ? line.queue.length > 0 : line.waiting.isDue;
}

export function isIdle(line: Line): boolean {
  return line.waiting === undefined && line.queue.length === 0 && line.adopted.length === 0;
}

/** A line's wait, with `behind` rows in the store behind its head. */
export function waitFor(head: ParkedRow, behind = 0, suspicion: Suspicion = 'none'): Waiting {
  return { head, page: [], behind, isDue: false, isReading: false, suspicion, cancelTimer: () => undefined };
}

/** What its starts are shared by: replayed work, however urgent it was, leaves the room to what is live. */
export function classOf({ priority, replay }: LaneId): LaneId['priority'] {
  return replay === undefined ? priority : 'bulk';
}

/** Puts a row that came from elsewhere to its place among those that are read. */
export function insertInOrder(page: ParkedRow[], row: ParkedRow): void {
  const at = page.findIndex(({ seq }) => seq > row.seq);
  page.splice(at === -1 ? page.length : at, 0, row);
}
