import type { Lane } from './lane.ts';

/**
 * What a message is suspected of after an unclean death:
 * - `none`: nobody had it in hand
 * - `delivered`: it may have been in hand, and is not known to have been started
 * - `started`: it was in hand, and next of its key: every such message is started, as soon as a slot is free
 */
export type Suspicion = 'none' | 'delivered' | 'started';

/** What is asked of a lane. */
type LastLane = Pick<Lane, 'stream' | 'priority' | 'deliveredBefore'>;

/**
 * What the last owner of a unit may have had in hand when it died, told as its lanes deliver it again.
 *
 * Where the consumer still knows how far it had delivered, nothing above that can have been in anybody's hand, and the first
 * messages of as many keys as there are slots were started. Where it does not (its broker was restarted, or nothing was
 * delivered since the last take-over), it may be anything that fits into a lane's capacity, and of none is it known.
 */
export class LastHands {
  readonly #slots: number;
  readonly #left = new Map<LastLane, number>();
  readonly #begun = new Set<string>();

  /** @param slots handlers that run at once */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** A lane that the last owner had. */
  add(lane: LastLane, capacity: number): void {
    this.#left.set(lane, capacity);
  }

  /** To be asked once for each new delivery, in order. `isBehind`: its line waits for an earlier message. */
  judge(lane: LastLane, seq: number, key: string, isBehind: boolean): Suspicion {
    const left = this.#left.get(lane);
    if (left === undefined) return 'none';
    const { deliveredBefore } = lane;
    if (deliveredBefore === undefined ? left === 0 : seq > deliveredBefore) {
      this.#left.delete(lane);
      if (this.#left.size === 0) this.#begun.clear();
      return 'none';
    }
    this.#left.set(lane, left - 1);
    if (deliveredBefore === undefined) return 'delivered';
    const line = `${lane.stream}:${lane.priority}:${key}`;
    const isFirst = !isBehind && !this.#begun.has(line);
    this.#begun.add(line);
    return isFirst && this.#begun.size <= this.#slots ? 'started' : 'delivered';
  }
}
