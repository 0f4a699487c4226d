import type { Priority } from '../core/priority.ts';

/** What the log has of one lane, and what the lane's record says of it: what is not settled is open. */
export interface LaneSum {
  readonly actor: string;
  readonly priority: Priority;
  /** Null: nobody has ever read for this actor. */
  readonly partition: number | null;
  readonly messages: number;
  readonly settled: number;
}

type LaneName = Pick<LaneSum, 'actor' | 'priority' | 'partition'>;

/** Counts messages by their lanes. */
export class LaneSums {
  readonly #sums = new Map<string, LaneSum>();

  /** In the order of their names. */
  get all(): readonly LaneSum[] {
    return [...this.#sums].toSorted(([a], [b]) => a.localeCompare(b)).map(([, sum]) => sum);
  }

  count({ actor, priority, partition }: LaneName, isSettled: boolean): void {
    const name = `${actor} ${priority} ${partition}`;
    const { messages, settled } = this.#sums.get(name) ?? { messages: 0, settled: 0 };
    this.#sums.set(name, { actor, priority, partition, messages: messages + 1, settled: settled + (isSettled ? 1 : 0) });
  }
}
