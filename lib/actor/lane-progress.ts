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
  /** Delivered and not settled, ascending. */
  #open = new Set<number>();

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

  /** Notes a delivery; `settled` and `in-hand` are not to be handled (again). */
  deliver(seq: number): 'new' | 'settled' | 'in-hand' {
    if (this.#open.has(seq)) return 'in-hand';
    const isSettled = this.isSettled(seq);
    this.#highest = Math.max(this.#highest, seq);
    if (isSettled) return 'settled';
    this.#open.add(seq);
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
    this.#open.delete(seq);
  }

  /** Takes a settling back whose transaction failed. */
  unsettle(seq: number): void {
    if (seq <= this.#floor || seq > this.#highest || this.#open.has(seq))
      throw new Error(`expected a settled sequence above the floor ${this.#floor}, got ${seq}`);
    this.#open = new Set([...this.#open, seq].sort((a, b) => a - b));
  }

  /** What a settling would record; the floor moves for good only with `advance`, once that is committed. */
  snapshot(): SettledSpan {
    const [oldest] = this.#open;
    const floor = oldest === undefined ? this.#highest : Math.max(this.#floor, oldest - 1);
    const open = [...this.#open];
    for (const seq of this.#recorded.open) if (seq > this.#highest) open.push(seq);
    return { floor, highest: this.last, open };
  }

  advance(floor: number): void {
    this.#floor = Math.max(this.#floor, floor);
  }
}
