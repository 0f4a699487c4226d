import { isBroken } from '../core/guards.ts';
import { PRIORITIES, PRIORITY_WEIGHTS, type Priority } from '../core/priority.ts';

/**
 * Decides what an actor starts next. Starts are shared by weight, and slots are reserved, so that slow work of a low
 * priority cannot hold all of them: `bulk` holds at most half, `default` and `bulk` together all but one eighth.
 * What waits inside (a rate token, a breaker) never holds a slot: it is not offered.
 */
export class Scheduler<Work> {
  readonly #limits: Readonly<Record<Priority, number>>;
  readonly #queues: Record<Priority, Work[]> = { critical: [], default: [], bulk: [] };
  readonly #heads: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };
  readonly #running: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };
  readonly #credit: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };

  constructor(slots: number) {
    const isShared = isBroken('reserved-slots');
    this.#limits = {
      critical: slots,
      default: isShared ? slots : Math.max(1, slots - Math.max(1, Math.floor(slots / 8))),
      bulk: isShared ? slots : Math.max(1, Math.floor(slots / 2)),
    };
  }

  get running(): number {
    return this.#running.critical + this.#running.default + this.#running.bulk;
  }

  offer(priority: Priority, work: Work): void {
    this.#queues[priority].push(work);
  }

  /** The next one to start, which then holds a slot until `finish`; undefined when there is none or no slot for it. */
  take(): Work | undefined {
    const priority = this.#choose();
    if (priority === undefined) return undefined;
    const queue = this.#queues[priority];
    const work = queue[this.#heads[priority]++]!;
    // Cuts the consumed front off when it is half of the queue: amortised constant, and the queue does not grow.
    if (this.#heads[priority] * 2 > queue.length) {
      queue.splice(0, this.#heads[priority]);
      this.#heads[priority] = 0;
    }
    this.#running[priority]++;
    return work;
  }

  finish(priority: Priority): void {
    this.#running[priority]--;
  }

  /** Smooth weighted round robin among the priorities that have work and room. */
  #choose(): Priority | undefined {
    let chosen: Priority | undefined;
    let total = 0;
    for (const priority of PRIORITIES) {
      if (this.#queues[priority].length === this.#heads[priority] || !this.#hasRoom(priority)) continue;
      total += PRIORITY_WEIGHTS[priority];
      this.#credit[priority] += PRIORITY_WEIGHTS[priority];
      if (chosen === undefined || this.#credit[priority] > this.#credit[chosen]) chosen = priority;
    }
    if (chosen !== undefined) this.#credit[chosen] -= total;
    return chosen;
  }

  #hasRoom(priority: Priority): boolean {
    const { critical, default: normal, bulk } = this.#running;
    if (critical + normal + bulk >= this.#limits.critical) return false;
    if (priority === 'critical') return true;
    if (normal + bulk >= this.#limits.default) return false;
    return priority === 'default' || bulk < this.#limits.bulk;
  }
}
