import type { Room } from './broker-port.ts';
import { isSettledIn, type SettledSpan } from '../core/settled-span.ts';

/**
 * How far one lane is: every sequence up to `highest` is settled but those that are open.
 *
 * Deliveries come in ascending order (a gap makes the owner re-point), so what lies between two of them is not this lane's, or is gone
 * from the log. What is kept grows with what is in hand, never with what was settled behind a message that takes long.
 */
export class LaneProgress {
  /** What is on record, of this owner or an earlier one: above `highest` it is all that is known. */
  readonly #recorded: SettledSpan;
  #floor: number;
  /** Every sequence of the lane up to this one was delivered to this owner, or is on record as settled. */
  #highest: number;
  /** Delivered and not settled, ascending, with the bytes of each. */
  #open = new Map<number, number>();
  #bytes = 0;

  constructor(recorded: SettledSpan) {
    this.#recorded = recorded;
    this.#floor = recorded.floor;
    this.#highest = recorded.floor;
  }

  get floor(): number {
    return this.#floor;
  }

  /** Deliveries in hand. */
  get open(): number {
    return this.#open.size;
  }

  /** Of those in hand. What a failed settling brought back counts as nothing. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a delivery; `settled` and `in-hand` are not to be handled (again). */
  deliver(seq: number, bytes = 0): 'new' | 'settled' | 'in-hand' {
    if (this.#open.has(seq)) return 'in-hand';
    const isSettled = this.isSettled(seq);
    this.#highest = Math.max(this.#highest, seq);
    if (isSettled) return 'settled';
    this.#open.set(seq, bytes);
    this.#bytes += bytes;
    return 'new';
  }

  /** Whether it is through: settled, or of no lane of ours. */
  isSettled(seq: number): boolean {
    return seq <= this.#highest ? !this.#open.has(seq) : isSettledIn(this.#recorded, seq);
  }

  /** The last sequence that was delivered to this owner, or its first floor. */
  get highest(): number {
    return this.#highest;
  }

  /** The last sequence that was delivered to this owner or an earlier one. */
  get last(): number {
    return Math.max(this.#highest, this.#recorded.highest);
  }

  /** Nothing more comes up to this sequence. */
  reach(seq: number): void {
    this.#highest = Math.max(this.#highest, seq);
  }

  settle(seq: number): void {
    this.#bytes -= this.#open.get(seq) ?? 0;
    this.#open.delete(seq);
  }

  /** Takes a settling back whose transaction failed. */
  unsettle(seq: number): void {
    if (seq <= this.#floor || seq > this.#highest || this.#open.has(seq))
      throw new Error(`expected a settled sequence above the floor ${this.#floor}, got ${seq}`);
    this.#open = new Map([...this.#open, [seq, 0] as const].sort(([a], [b]) => a - b));
  }

  /** What a settling would record; the floor moves for good only with `advance`, once that is committed. */
  snapshot(): SettledSpan {
    const [oldest] = this.#open.keys();
    const floor = oldest === undefined ? this.#highest : Math.max(this.#floor, oldest - 1);
    const open = [...this.#open.keys()];
    for (const seq of this.#recorded.open) if (seq > this.#highest) open.push(seq);
    return { floor, highest: this.last, open };
  }

  advance(floor: number): void {
    this.#floor = Math.max(this.#floor, floor);
  }
}

/** Of bodies in hand: 256 of 16 KiB. With the largest ones it is still a few megabytes for each of a process's lanes. */
const MAX_BYTES = 4 * 1024 ** 2;

/** What may come beside what a lane has in hand; undefined: too little for a pull to be worth it. */
export function roomBeside(capacity: number, inHand: readonly LaneProgress[]): Room | undefined {
  const messages = inHand.reduce((left, { open }) => left - open, capacity);
  const bytes = inHand.reduce((left, progress) => left - progress.bytes, MAX_BYTES);
  return messages < capacity / 2 || bytes < MAX_BYTES / 2 ? undefined : { messages, bytes };
}
