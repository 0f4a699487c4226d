/**
 * How far one lane is: every sequence up to `floor` is settled, and so are the exceptions above it.
 *
 * Deliveries come in ascending order (a gap makes the owner re-point), so the floor is just below the oldest delivery
 * that is still open. Sequences of other lanes in between do not matter: they were never this lane's.
 */
export class LaneProgress {
  #floor: number;
  /** Every sequence of the lane up to this one was delivered to this owner. Exceptions on record say nothing about it. */
  #highest: number;
  /** Delivered and not settled, ascending. */
  #open = new Set<number>();
  /** Settled above the floor. */
  #settled: Set<number>;

  constructor(floor: number, exceptions: readonly number[] = []) {
    this.#floor = floor;
    this.#settled = new Set(exceptions);
    this.#highest = floor;
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
    const isNewest = seq > this.#highest;
    if (isNewest) this.#highest = seq;
    if (seq <= this.#floor || this.#settled.has(seq)) return 'settled';
    if (this.#open.has(seq)) return 'in-hand';
    this.#open.add(seq);
    if (!isNewest) this.#sort();
    return 'new';
  }

  /** Whether it is through: settled, or of no lane of ours. */
  isSettled(seq: number): boolean {
    return seq <= this.#floor || this.#settled.has(seq);
  }

  /** The last sequence that was delivered to this owner, or its first floor. */
  get highest(): number {
    return this.#highest;
  }

  /** The last sequence that was delivered or is settled, also where that is not committed yet. */
  get last(): number {
    let last = this.#highest;
    // One by one: as arguments of one call a hundred thousand are too many, and so many may be settled behind one that takes long.
    for (const seq of this.#settled) last = Math.max(last, seq);
    return last;
  }

  /** Nothing more comes up to this sequence. */
  reach(seq: number): void {
    this.#highest = Math.max(this.#highest, seq);
  }

  settle(seq: number): void {
    if (this.#open.delete(seq)) this.#settled.add(seq);
  }

  /** Takes a settling back whose transaction failed. */
  unsettle(seq: number): void {
    if (!this.#settled.delete(seq)) throw new Error(`sequence ${seq} is below the floor ${this.#floor} or was never settled`);
    this.#open.add(seq);
    this.#sort();
  }

  /** What a settling would record; the floor moves for good only with `advance`, once that is committed. */
  snapshot(): { floor: number; exceptions: number[] } {
    const [oldest] = this.#open;
    const floor = oldest === undefined ? this.#highest : Math.max(this.#floor, oldest - 1);
    return { floor, exceptions: [...this.#settled].filter((seq) => seq > floor).sort((a, b) => a - b) };
  }

  advance(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const seq of this.#settled) if (seq <= floor) this.#settled.delete(seq);
  }

  #sort(): void {
    this.#open = new Set([...this.#open].sort((a, b) => a - b));
  }
}
