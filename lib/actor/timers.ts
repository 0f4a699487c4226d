import type { Clock } from '../core/clock.ts';
import type { Outbox } from './outbox.ts';
import type { RecordPort, UnitLease } from './record-port.ts';

/**
 * Publishes outputs with a time when they are due. They are rows of the store until the log has them, so a crash repeats at most
 * a publish under the same id; nothing of them is in memory before they are due.
 */
export interface TimersOptions {
  readonly record: RecordPort;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** On their way to the log at once: what is due beyond that waits in the store. */
const MAX_UNDER_WAY = 500;

export class Timers {
  readonly #options: TimersOptions;
  /** Handed over, and not known to be gone from the store. */
  #underWay = new Set<string>();

  constructor(options: TimersOptions) {
    this.#options = options;
  }

  /** Publishes what is due for these units. Resolves when it is handed over. */
  async fire(leases: readonly UnitLease[]): Promise<void> {
    const { record, outbox, clock } = this.#options;
    const due = await record.dueTimers(leases, clock.now(), MAX_UNDER_WAY);
    const name = ({ unit, id }: (typeof due)[number]): string => `${unit.actor}/${unit.partition}/${unit.epoch} ${id}`;
    const fresh = due.filter((entry) => !this.#underWay.has(name(entry)));
    this.#underWay = new Set(due.map(name));
    void outbox.send(fresh);
  }
}
