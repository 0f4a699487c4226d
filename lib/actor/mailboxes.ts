import type { Clock } from '../core/clock.ts';
import { isBroken } from '../core/guards.ts';
import type { ActorLog } from './define-actor.ts';
import { type Arrival, insertInOrder, isIdle, type Line, type Mailbox, type Waiting, waitFor } from './line.ts';
import type { ActorObserver } from './observer.ts';
import type { LaneId, ParkedRow, RecordPort, UnitLease } from './record-port.ts';
import type { Settler } from './settler.ts';

/**
 * The mailboxes of one unit: which line may run, and which waits with its rows in the store. Decides what is ready; starts
 * nothing (the executor does) and writes nothing itself (the settler does).
 *
 * 1. A line that waits takes nothing in: what arrives is parked behind its head and acknowledged.
 * 2. A mailbox has at most one running line, from its start until its settling is committed.
 * 3. After `drop` nothing is offered any more, whatever is still under way.
 */
export interface MailboxesOptions {
  readonly lease: UnitLease;
  /** Its last owner did not hand it back. */
  readonly isUnclean: boolean;
  readonly record: RecordPort;
  readonly settler: Settler;
  readonly observer: ActorObserver;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** A line is ready. */
  readonly offer: (line: Line) => void;
  /** The store refused what was settled: the unit has a new owner. */
  readonly onRefused: () => void;
}

/** Rows read at once from behind a waiting head. */
const PAGE = 64;
/** Node's timers cannot wait longer; what is due later is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long to wait before the store is asked again for a line's next rows. */
const READ_AGAIN_MS = 100;

export class Mailboxes {
  readonly #options: MailboxesOptions;
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #openedAt: number;
  #running = 0;
  #idle: (() => void)[] = [];
  #isDropped = false;

  constructor(options: MailboxesOptions) {
    this.#options = options;
    this.#openedAt = options.clock.now();
  }

  /** Forgets all of it. */
  drop(): void {
    this.#isDropped = true;
    let parked = 0;
    for (const { lines } of this.#mailboxes.values())
      for (const { waiting } of lines.values()) {
        waiting?.cancelTimer();
        if (waiting !== undefined) parked += 1 + waiting.page.length + waiting.behind;
      }
    this.#countParked(-parked);
    this.#mailboxes.clear();
    this.#tellIdle();
  }

  /** The line's next message is about to be handled. */
  begin(line: Line): void {
    line.mailbox.running = line;
    this.#running++;
  }

  /** Resolves when nothing is handled or settled; at once after `drop`. Only of use when nothing more is begun. */
  async idle(): Promise<void> {
    if (this.#running > 0 && !this.#isDropped) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Whether the key's line of a lane waits: what arrives stands behind its head. */
  isWaiting(key: string, lane: LaneId): boolean {
    return this.#mailboxes.get(key)?.lines.get(lineId(lane))?.waiting !== undefined;
  }

  /** Whether a settled message of the lane still waits to be handled, or stands behind one that does. */
  isStillWaiting(key: string, lane: LaneId, seq: number): boolean {
    const waiting = this.#mailboxes.get(key)?.lines.get(lineId(lane))?.waiting;
    return waiting !== undefined && seq >= waiting.head.seq;
  }

  /** A delivery, in the order of its lane. */
  arrive(arrival: Arrival): void {
    const line = this.#line(arrival.parsed.key, arrival.lane);
    line.queue.push(arrival);
    if (line.waiting === undefined) this.#options.offer(line);
    else this.#parkQueue(line);
  }

  /** What waited when the unit was taken over, with `behind` rows in the store. */
  restore(head: ParkedRow, behind: number): void {
    const line = this.#line(head.key, head);
    const wasDue = (head.dueAt ?? 0) <= this.#options.clock.now();
    // Without a time it was next when the message before it ended; a retry may have become due while nobody was there.
    const suspicion = head.dueAt === null ? 'started' : 'delivered';
    line.waiting = waitFor(head, behind, this.#options.isUnclean && wasDue ? suspicion : 'none');
    this.#countParked(1 + behind);
    this.#arm(line, line.waiting);
  }

  /** A row that somebody else parked: runs as soon as its line lets it. */
  adopt(row: ParkedRow): void {
    const line = this.#line(row.key, row);
    line.adopted.push(row);
    this.#countParked(1);
    if (line.mailbox.running !== line) this.#takeAdopted(line);
  }

  /**
   * Makes the line wait with this row at its head (again); what is behind it in memory goes to the store. `wasSuspect`: its next
   * start is recorded, too, while there may be somebody about who ends the process.
   */
  wait(line: Line, row: ParkedRow, wasSuspect: boolean): void {
    const suspicion = wasSuspect ? 'delivered' : 'none';
    if (line.waiting === undefined) {
      line.waiting = waitFor(row, 0, suspicion);
      this.#countParked(1);
      this.#parkQueue(line);
    } else Object.assign(line.waiting, { head: row, isDue: false, suspicion });
  }

  /** The waiting head is settled for good: the row behind it is next. */
  advance(line: Line, waiting: Waiting): void {
    this.#countParked(-1);
    const next = isBroken('retry-order') ? waiting.page.pop() : waiting.page.shift();
    if (next !== undefined) Object.assign(waiting, { head: next, isDue: false, suspicion: 'none' });
    else if (waiting.behind > 0) {
      Object.assign(waiting, { isDue: false, isReading: true });
      void this.#readPage(line, waiting);
    } else line.waiting = undefined;
  }

  /** The line's message is settled, or given back: its mailbox may go on. */
  release(line: Line): void {
    const { mailbox } = line;
    mailbox.running = undefined;
    if (--this.#running === 0) this.#tellIdle();
    if (this.#isDropped) return;
    this.#takeAdopted(line);
    for (const [id, each] of mailbox.lines) {
      if (isIdle(each)) mailbox.lines.delete(id);
      else if (each.waiting !== undefined && !each.waiting.isDue) this.#arm(each, each.waiting);
      else this.#options.offer(each);
    }
    if (mailbox.lines.size === 0) this.#mailboxes.delete(mailbox.key);
  }

  /** Lets the waiting head wait a little longer, without an attempt: what it needs is away. */
  postpone(line: Line, waiting: Waiting, delayMs: number): void {
    waiting.isDue = false;
    waiting.head = { ...waiting.head, dueAt: this.#options.clock.now() + delayMs };
    this.release(line);
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #line(key: string, lane: LaneId): Line {
    const { stream, priority, replay } = lane;
    let mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) this.#mailboxes.set(key, (mailbox = { key, lines: new Map(), running: undefined }));
    const id = lineId(lane);
    let line = mailbox.lines.get(id);
    if (line === undefined) {
      const address = replay === undefined ? { stream, priority } : { stream, priority, replay };
      mailbox.lines.set(id, (line = { mailbox, ...address, queue: [], adopted: [], waiting: undefined, isOffered: false }));
    }
    return line;
  }

  #parkQueue(line: Line): void {
    const { waiting } = line;
    if (waiting === undefined) return;
    for (const { lane, delivery, message } of line.queue.splice(0)) {
      const row: ParkedRow = {
        stream: message.stream,
        seq: message.seq,
        unit: this.#options.lease,
        priority: line.priority,
        ...(line.replay === undefined ? {} : { replay: line.replay }),
        key: line.mailbox.key,
        messageId: message.id,
        attempts: 0,
        dueAt: null,
        because: 'an earlier message of its key waits',
        history: [],
      };
      if (waiting.behind === 0 && waiting.page.length < PAGE) waiting.page.push(row);
      else waiting.behind++;
      this.#countParked(1);
      this.#options.settler.submit({
        unit: this.#options.lease,
        delivered: { lane, seq: message.seq },
        parked: row,
        onCommitted: () => lane.source.ack(delivery),
        onRefused: this.#options.onRefused,
        onPoisoned: (error) => this.#options.log.error({ err: error, messageId: message.id }, 'a waiting message could not be recorded'),
      });
    }
  }

  #takeAdopted(line: Line): void {
    for (const row of line.adopted.splice(0)) {
      if (line.waiting === undefined) {
        // What was due before this owner came was taken in and started by the last one, most likely.
        const wasDue = (row.dueAt ?? 0) < this.#openedAt;
        line.waiting = waitFor(row, 0, this.#options.isUnclean && wasDue ? 'started' : 'none');
        this.#parkQueue(line);
        if (line.mailbox.running === undefined) this.#arm(line, line.waiting);
      } else insertInOrder(line.waiting.page, row);
    }
  }

  #arm(line: Line, waiting: Waiting): void {
    waiting.cancelTimer();
    if (this.#isDropped || line.waiting !== waiting || waiting.isReading) return;
    const delayMs = (waiting.head.dueAt ?? 0) - this.#options.clock.now();
    if (delayMs > 0) {
      waiting.cancelTimer = this.#options.clock.after(Math.min(delayMs, LONGEST_TIMER_MS), () => this.#arm(line, waiting));
      return;
    }
    waiting.isDue = true;
    this.#options.offer(line);
  }

  async #readPage(line: Line, waiting: Waiting): Promise<void> {
    const rows = await this.#options.record.parkedRows(this.#options.lease, line, line.mailbox.key, PAGE).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the rows behind a waiting message could not be read; trying again');
      return [];
    });
    if (this.#isDropped || line.waiting !== waiting) return;
    const known = new Set(waiting.page.map(({ seq }) => seq));
    const [head, ...page] = [...waiting.page, ...rows.filter(({ seq }) => !known.has(seq))];
    if (head === undefined) {
      // They are still on their way into the store, or the store is away.
      waiting.cancelTimer = this.#options.clock.after(READ_AGAIN_MS, () => void this.#readPage(line, waiting));
      return;
    }
    waiting.behind = Math.max(0, waiting.behind - rows.length);
    Object.assign(waiting, { head, page, isReading: false, suspicion: 'none' });
    this.#arm(line, waiting);
  }

  #countParked(change: number): void {
    this.#options.observer.parked(this.#options.lease.actor, change);
  }
}

function lineId({ stream, priority, replay = '' }: LaneId): string {
  return `${stream}:${priority}:${replay}`;
}
