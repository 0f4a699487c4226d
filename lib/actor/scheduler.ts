import { isBroken } from '../core/guards.ts';
import { PRIORITIES, PRIORITY_WEIGHTS, type Priority } from '../core/priority.ts';
import { Fifo } from './fifo.ts';

/**
 * Decides what an actor starts next. Starts are shared by weight, and slots are reserved, so that slow work of a low
 * priority cannot hold all of them: `bulk` holds at most half, `default` and `bulk` together all but one eighth.
 *
 * Within a priority the sources take turns, whichever has more. Of what a priority and those below it may hold one source leaves one
 * eighth (of fewer than eight: nothing), so that one whose work is slow leaves room for the others.
 *
 * What waits inside (a rate token, a breaker) never holds a slot: it is not offered.
 */
export class Scheduler<Work> {
  readonly #limits: Counts;
  readonly #limitsOfSource: Counts;
  /** By source; whose turn it is comes first. */
  readonly #queues: Readonly<Record<Priority, Map<string, Fifo<Work>>>> = { critical: new Map(), default: new Map(), bulk: new Map() };
  readonly #running: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };
  readonly #runningOfSource = new Map<string, Record<Priority, number>>();
  readonly #credit: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };

  constructor(slots: number) {
    const isShared = isBroken('reserved-slots');
    this.#limits = {
      critical: slots,
      default: isShared ? slots : Math.max(1, slots - Math.max(1, Math.floor(slots / 8))),
      bulk: isShared ? slots : Math.max(1, Math.floor(slots / 2)),
    };
    const { critical, default: normal, bulk } = this.#limits;
    this.#limitsOfSource = { critical: leaveAnEighth(critical), default: leaveAnEighth(normal), bulk: leaveAnEighth(bulk) };
  }

  get running(): number {
    return totalOf(this.#running);
  }

  /** An empty source is any: it has its turn among the others, and no bound of its own. */
  offer(priority: Priority, source: string, work: Work): void {
    const queues = this.#queues[priority];
    let queue = queues.get(source);
    if (queue === undefined) queues.set(source, (queue = new Fifo()));
    queue.push(work);
  }

  /** The next one to start, which then holds a slot until `finish`; undefined when there is none or no slot for it. */
  take(): Work | undefined {
    const priority = this.#choose();
    if (priority === undefined) return undefined;
    const source = this.#nextSource(priority)!;
    const queues = this.#queues[priority];
    const queue = queues.get(source)!;
    const work = queue.shift()!;
    // Behind the others; alone it is where it was.
    if (queue.size === 0 || queues.size > 1) queues.delete(source);
    if (queue.size > 0) queues.set(source, queue);
    this.#running[priority]++;
    const running = this.#runningOfSource.get(source);
    if (running === undefined) this.#runningOfSource.set(source, { ...NOTHING, [priority]: 1 });
    else running[priority]++;
    return work;
  }

  finish(priority: Priority, source: string): void {
    this.#running[priority]--;
    const running = this.#runningOfSource.get(source);
    if (running === undefined) return;
    running[priority]--;
    if (totalOf(running) === 0) this.#runningOfSource.delete(source);
  }

  /** Smooth weighted round robin among the priorities that have work and room. */
  #choose(): Priority | undefined {
    let chosen: Priority | undefined;
    let total = 0;
    for (const priority of PRIORITIES) {
      if (!hasRoom(priority, this.#running, this.#limits) || this.#nextSource(priority) === undefined) continue;
      total += PRIORITY_WEIGHTS[priority];
      this.#credit[priority] += PRIORITY_WEIGHTS[priority];
      if (chosen === undefined || this.#credit[priority] > this.#credit[chosen]) chosen = priority;
    }
    if (chosen !== undefined) this.#credit[chosen] -= total;
    return chosen;
  }

  #nextSource(priority: Priority): string | undefined {
    for (const source of this.#queues[priority].keys())
      if (source === '' || hasRoom(priority, this.#runningOfSource.get(source) ?? NOTHING, this.#limitsOfSource)) return source;
    return undefined;
  }
}

type Counts = Readonly<Record<Priority, number>>;

const NOTHING: Counts = { critical: 0, default: 0, bulk: 0 };

/** A limit is that of a priority and all below it together. */
function hasRoom(priority: Priority, { critical, default: normal, bulk }: Counts, limits: Counts): boolean {
  if (critical + normal + bulk >= limits.critical) return false;
  if (priority === 'critical') return true;
  if (normal + bulk >= limits.default) return false;
  return priority === 'default' || bulk < limits.bulk;
}

function leaveAnEighth(limit: number): number {
  return limit - Math.floor(limit / 8);
}

function totalOf({ critical, default: normal, bulk }: Counts): number {
  return critical + normal + bulk;
}
