import type { Clock } from '../core/clock.ts';
import type { BrokerPort, Delivery, LaneSpec } from './broker-port.ts';
import { type ActorDefinition, type ActorLog, DEFAULT_SLOTS } from './define-actor.ts';
import { Lane } from './lane.ts';
import { LastHands } from './last-hands.ts';
import { insertInOrder, isIdle, type Line, type Mailbox, type Waiting, waitFor } from './line.ts';
import type { ActorObserver } from './observer.ts';
import type { Outbox } from './outbox.ts';
import { parseInput } from './parsed.ts';
import type { AcquiredUnit, LaneId, ParkedRow, RecordPort, UnitLease } from './record-port.ts';
import type { Settler } from './settler.ts';
import { Suspects } from './suspects.ts';

/**
 * One partition of one actor while this process owns it: its lanes, its mailboxes, what waits. Decides what is ready;
 * starts nothing (the executor does) and writes nothing itself (the settler does).
 *
 * 1. A line that waits takes nothing in: what arrives is parked behind its head and acknowledged.
 * 2. A mailbox has at most one running line, from its start until its settling is committed.
 * 3. After `drop` nothing is offered any more, whatever is still under way.
 */
export interface UnitEnvironment {
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly settler: Settler;
  readonly outbox: Outbox;
  readonly observer: ActorObserver;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** Where the actor's lanes of one partition read. */
  readonly lanesOf: (definition: ActorDefinition, partition: number) => readonly (LaneId & { readonly spec: LaneSpec })[];
  /** Deliveries in hand per lane. */
  readonly capacity: number;
  readonly pullExpiresMs: number;
  readonly fenceMs: number;
  /** A line is ready. */
  readonly offer: (unit: Unit, line: Line) => void;
}

/**
 * Outputs that wait for the log, of the whole process, above which nothing more is pulled: a log that is full for outputs and not
 * for inputs would fill the memory. Far below what the publisher takes, which would lose the order of keys past its own limit.
 */
const MAX_UNPUBLISHED = 4_000;
/** Rows read at once from behind a waiting head. */
const PAGE = 64;
/** Node's timers cannot wait longer; what is due later is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long to wait before the store is asked again for a line's next rows. */
const READ_AGAIN_MS = 100;

export class Unit {
  readonly lease: UnitLease;
  readonly definition: ActorDefinition;
  readonly suspects: Suspects;
  /** Monotonic time at which the last renewal that succeeded was sent. */
  leasedAt: number;
  isDropped = false;
  #isOpened = false;
  readonly #isUnclean: boolean;
  readonly #environment: UnitEnvironment;
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #lastHands: LastHands;
  #lanes: Lane[] = [];

  constructor(unit: AcquiredUnit, definition: ActorDefinition, leasedAt: number, environment: UnitEnvironment) {
    this.lease = { actor: unit.actor, partition: unit.partition, epoch: unit.epoch };
    this.suspects = new Suspects(this.lease);
    this.#isUnclean = unit.unclean;
    this.definition = definition;
    this.#lastHands = new LastHands(definition.slots ?? DEFAULT_SLOTS);
    this.leasedAt = leasedAt;
    this.#environment = environment;
  }

  /** Whether it is taken over, and every lane stands where its record says. */
  get isOpen(): boolean {
    return this.#isOpened && this.#lanes.every((lane) => lane.isPositioned);
  }

  /** Whether this process may still pull, start and settle for this unit, by its own clock. */
  get isLeased(): boolean {
    return !this.isDropped && this.#environment.clock.monotonic() - this.leasedAt < this.#environment.fenceMs;
  }

  /** Takes over: publishes what the last owner had settled, restores what waits, then begins to pull. */
  async open(): Promise<void> {
    const { record, outbox, broker, lanesOf, settler } = this.#environment;
    const { lanes, waiting, suspects, outbox: unpublished } = await record.load(this.lease);
    this.suspects.restore(suspects);
    await outbox.send(unpublished);
    const isNew: Lane[] = [];
    for (const { stream, priority, spec } of lanesOf(this.definition, this.lease.partition)) {
      const known = lanes.find((lane) => lane.stream === stream && lane.priority === priority);
      const lane = this.#createLane({ stream, priority }, broker.lane(spec));
      await lane.open(known, this.definition.start ?? 'end');
      if (known === undefined) isNew.push(lane);
      else if (this.#isUnclean) this.#lastHands.add(lane, this.#environment.capacity);
      this.#lanes.push(lane);
    }
    if (isNew.length > 0)
      await new Promise<void>((resolve) =>
        settler.submit({ unit: this.lease, touched: isNew, onCommitted: resolve, onRefused: resolve, onPoisoned: () => resolve() }),
      );
    for (const { head, behind } of waiting) this.#restore(head, behind);
    if (this.isDropped) return;
    for (const lane of this.#lanes) lane.start();
    this.#isOpened = true;
  }

  /** Ends pulling; what is in hand may still be handled and settled. */
  async stopPulling(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  /** Somebody else owns the unit now, or nobody: forgets all of it at once. */
  drop(): void {
    if (this.isDropped) return;
    this.isDropped = true;
    let parked = 0;
    for (const { lines } of this.#mailboxes.values())
      for (const { waiting } of lines.values()) {
        waiting?.cancelTimer();
        if (waiting !== undefined) parked += 1 + waiting.page.length + waiting.behind;
      }
    this.#environment.observer.parked(this.definition.name, -parked);
    this.#mailboxes.clear();
    void this.stopPulling();
  }

  /** A row that somebody else parked for this unit: runs as soon as its line lets it. */
  adopt(row: ParkedRow): void {
    // Its next owner is handed it again.
    if (this.isDropped || row.unit.epoch !== this.lease.epoch) return;
    const line = this.#line(row.key, row);
    line.adopted.push(row);
    this.#environment.observer.parked(this.definition.name, 1);
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
      this.#environment.observer.parked(this.definition.name, 1);
      this.#parkQueue(line);
    } else Object.assign(line.waiting, { head: row, isDue: false, suspicion });
  }

  /** The waiting head is settled for good: the row behind it is next. */
  advance(line: Line, waiting: Waiting): void {
    this.#environment.observer.parked(this.definition.name, -1);
    const next = waiting.page.shift();
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
    if (this.isDropped) return;
    this.#takeAdopted(line);
    for (const [id, each] of mailbox.lines) {
      if (isIdle(each)) mailbox.lines.delete(id);
      else if (each.waiting !== undefined && !each.waiting.isDue) this.#arm(each, each.waiting);
      else this.#environment.offer(this, each);
    }
    if (mailbox.lines.size === 0) this.#mailboxes.delete(mailbox.key);
  }

  /** Lets the waiting head wait a little longer, without an attempt: what it needs is away. */
  postpone(line: Line, waiting: Waiting, delayMs: number): void {
    waiting.isDue = false;
    waiting.head = { ...waiting.head, dueAt: this.#environment.clock.now() + delayMs };
    this.release(line);
  }

  #createLane(id: LaneId, source: Lane['source']): Lane {
    const { capacity, pullExpiresMs, clock, log, observer, outbox } = this.#environment;
    const { lease, definition } = this;
    return new Lane({
      ...id,
      unit: lease,
      source,
      capacity,
      pullExpiresMs,
      clock,
      log,
      mayPull: () => this.isLeased && outbox.pending < MAX_UNPUBLISHED,
      onDelivery: (lane, delivery) => this.#arrive(lane, delivery),
      onRepoint: (cause) => observer.repointed(definition.name, cause),
    });
  }

  #arrive(lane: Lane, delivery: Delivery): void {
    if (this.isDropped) return;
    const { message } = delivery;
    const parsed = parseInput(this.definition, message);
    const line = this.#line(parsed.key, lane);
    const suspicion = this.#lastHands.judge(lane, message.seq, parsed.key, line.waiting !== undefined);
    line.queue.push({ lane, message, delivery, parsed, suspicion });
    if (line.waiting === undefined) this.#environment.offer(this, line);
    else this.#parkQueue(line);
  }

  #line(key: string, { stream, priority }: LaneId): Line {
    let mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined) this.#mailboxes.set(key, (mailbox = { key, lines: new Map(), running: undefined }));
    const id = `${stream}:${priority}`;
    let line = mailbox.lines.get(id);
    if (line === undefined)
      mailbox.lines.set(id, (line = { mailbox, stream, priority, queue: [], adopted: [], waiting: undefined, isOffered: false }));
    return line;
  }

  #parkQueue(line: Line): void {
    const { waiting } = line;
    if (waiting === undefined) return;
    for (const { lane, delivery, message } of line.queue.splice(0)) {
      const row: ParkedRow = {
        stream: message.stream,
        seq: message.seq,
        unit: this.lease,
        priority: line.priority,
        key: line.mailbox.key,
        messageId: message.id,
        attempts: 0,
        dueAt: null,
        because: 'an earlier message of its key waits',
        history: [],
      };
      if (waiting.behind === 0 && waiting.page.length < PAGE) waiting.page.push(row);
      else waiting.behind++;
      this.#environment.observer.parked(this.definition.name, 1);
      this.#environment.settler.submit({
        unit: this.lease,
        delivered: { lane, seq: message.seq },
        parked: row,
        onCommitted: () => lane.source.ack(delivery),
        onRefused: () => this.drop(),
        onPoisoned: (error) =>
          this.#environment.log.error({ err: error, messageId: message.id }, 'a waiting message could not be recorded'),
      });
    }
  }

  #takeAdopted(line: Line): void {
    for (const row of line.adopted.splice(0)) {
      if (line.waiting === undefined) {
        // The last owner took it in and started it, most likely.
        line.waiting = waitFor(row, 0, this.#isUnclean ? 'started' : 'none');
        this.#parkQueue(line);
        if (line.mailbox.running === undefined) this.#arm(line, line.waiting);
      } else insertInOrder(line.waiting.page, row);
    }
  }

  #restore(head: ParkedRow, behind: number): void {
    const line = this.#line(head.key, head);
    const wasDue = (head.dueAt ?? 0) <= this.#environment.clock.now();
    // Without a time it was next when the message before it ended; a retry may have become due while nobody was there.
    const suspicion = head.dueAt === null ? 'started' : 'delivered';
    line.waiting = waitFor(head, behind, this.#isUnclean && wasDue ? suspicion : 'none');
    this.#environment.observer.parked(this.definition.name, 1 + behind);
    this.#arm(line, line.waiting);
  }

  #arm(line: Line, waiting: Waiting): void {
    waiting.cancelTimer();
    if (this.isDropped || line.waiting !== waiting || waiting.isReading) return;
    const delayMs = (waiting.head.dueAt ?? 0) - this.#environment.clock.now();
    if (delayMs > 0) {
      waiting.cancelTimer = this.#environment.clock.after(Math.min(delayMs, LONGEST_TIMER_MS), () => this.#arm(line, waiting));
      return;
    }
    waiting.isDue = true;
    this.#environment.offer(this, line);
  }

  async #readPage(line: Line, waiting: Waiting): Promise<void> {
    const rows = await this.#environment.record.parkedRows(this.lease, line, line.mailbox.key, PAGE).catch((error: unknown) => {
      this.#environment.log.warn({ err: error }, 'the rows behind a waiting message could not be read; trying again');
      return [];
    });
    if (this.isDropped || line.waiting !== waiting) return;
    const known = new Set(waiting.page.map(({ seq }) => seq));
    const [head, ...page] = [...waiting.page, ...rows.filter(({ seq }) => !known.has(seq))];
    if (head === undefined) {
      // They are still on their way into the store, or the store is away.
      waiting.cancelTimer = this.#environment.clock.after(READ_AGAIN_MS, () => void this.#readPage(line, waiting));
      return;
    }
    waiting.behind = Math.max(0, waiting.behind - rows.length);
    Object.assign(waiting, { head, page, isReading: false, suspicion: 'none' });
    this.#arm(line, waiting);
  }
}
