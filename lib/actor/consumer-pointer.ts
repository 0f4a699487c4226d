import { isBroken } from '../core/guards.ts';
import type { ConsumerState, Delivery, LaneSource } from './broker-port.ts';

/**
 * Where a lane's owner has pointed its consumer to, and what came since: so it is known whether somebody else has pointed it elsewhere.
 *
 * 1. The consumer sequence runs 1, 2, 3 ... since the consumer was pointed. A gap is somebody else's pull; a 1 out of turn, or
 *    one below where it was pointed to, is somebody else's reset.
 * 2. What stands above where it was pointed, and has delivered nothing, may be a broker that has looked for a match so far.
 * 3. A pointing that was not answered may have been done: what stands there is nobody else's doing, and until one is answered nobody
 *    knows where the consumer was pointed to.
 */
export class ConsumerPointer {
  readonly #source: LaneSource;
  #created: string | undefined;
  #from = 0;
  #expected = 1;
  /** Where it was asked to be pointed to since the last answer. */
  readonly #asked = new Set<number>();

  constructor(source: LaneSource) {
    this.#source = source;
  }

  /** Where the consumer was pointed to last, as the lane's row keeps it; null: it was not yet, or nobody knows. */
  get label(): string | null {
    return this.#created === undefined || this.#from === 0 || this.#asked.size > 0 ? null : labelOf(this.#created, this.#from);
  }

  /** Changes with every delivery that was taken. */
  get delivered(): number {
    return this.#expected - 1;
  }

  /** Takes the consumer as it is: the next owner's first look. Gives its state. */
  async open(): Promise<ConsumerState> {
    const state = await this.#source.ensure();
    this.#created = state.created;
    return state;
  }

  /** Whether the consumer is still the one that was opened or pointed last. */
  isSame({ created }: ConsumerState): boolean {
    return created === this.#created;
  }

  async point(from: number): Promise<void> {
    this.#asked.add(from);
    const { created, deliveredConsumerSeq, deliveredStreamSeq } = await this.#source.repoint(from);
    this.#created = created;
    this.#asked.clear();
    // Where the log begins later it stands later.
    this.#from = deliveredConsumerSeq === 0 ? deliveredStreamSeq + 1 : from;
    this.#expected = 1;
  }

  /** Somebody else has pointed it there, and that is meant. */
  adopt(from: number): void {
    this.#from = from;
    this.#expected = 1;
  }

  /**
   * - `next`: it is this lane's next one
   * - `reset`: somebody has reset the consumer to what is through already
   * - `moved`: somebody has reset it to somewhere else
   * - `gap`: somebody else has got what was before it
   *
   * @param floor every sequence up to this one is through
   */
  judge({ consumerSeq, message: { seq } }: Delivery, floor: number): 'next' | 'reset' | 'moved' | 'gap' {
    if (consumerSeq === 1 && this.#expected === 1) return seq < this.#from ? 'reset' : 'next';
    if (consumerSeq === 1) return seq <= floor ? 'reset' : 'moved';
    return consumerSeq === this.#expected || isBroken('gap') ? 'next' : 'gap';
  }

  take(): void {
    this.#expected++;
  }

  /**
   * As `judge`, by where the consumer says that it stands. `isUnbroken`: the connection has been there since it was pointed; if not,
   * a consumer that stands before the log's beginning may as well be of a broker that forgot.
   */
  compare(state: ConsumerState, floor: number, isUnbroken: boolean): 'same' | 'reset' | 'moved' | 'gap' {
    const { deliveredConsumerSeq, deliveredStreamSeq, lastSeq } = state;
    if (!this.isSame(state)) return 'gap';
    if (deliveredConsumerSeq > 0) return deliveredConsumerSeq === this.delivered ? 'same' : 'gap';
    if (this.#asked.has(deliveredStreamSeq + 1) && !isBroken('own-pointing')) return 'moved';
    if (this.#expected === 1 && deliveredStreamSeq >= this.#from - 1) return deliveredStreamSeq > lastSeq ? 'moved' : 'same';
    return deliveredStreamSeq < floor && (deliveredStreamSeq > 0 || isUnbroken) ? 'reset' : 'moved';
  }
}

/**
 * For a new owner, by what its lane's row says of where the consumer was pointed to last: whether a person has reset the consumer
 * below the position and it has delivered nothing since. A consumer that was made anew has another creation time.
 */
export function isResetByHand(
  { created, deliveredConsumerSeq, deliveredStreamSeq }: ConsumerState,
  label: string | null,
  position: number,
): boolean {
  const isBelow = deliveredConsumerSeq === 0 && deliveredStreamSeq > 0 && deliveredStreamSeq < position;
  return isBelow && label !== null && label.startsWith(`${created} `) && label !== labelOf(created, deliveredStreamSeq + 1);
}

function labelOf(created: string, fromSeq: number): string {
  return `${created} ${fromSeq}`;
}
