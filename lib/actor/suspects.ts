import type { Clock } from '../core/clock.ts';
import { isBroken } from '../core/guards.ts';
import type { Suspicion } from './last-hands.ts';
import type { RecordPort, SuspectStart, UnitLease } from './record-port.ts';
import { reject, type Verdict } from './verdict.ts';

/**
 * Messages of one unit that may have been in flight when an owner died, and how often they were started.
 *
 * 1. A suspect's start is recorded before its handler runs, and only then may the next suspect's be: whoever ends the
 *    process takes no start with it that was recorded and never came to be.
 * 2. The start that made a message a suspect was not recorded, since recording every start costs a commit each. It counts,
 *    once, where the message stood first of its key when its owner died, for then it had been started; what was merely in
 *    the queue had not, and where nobody knows it does not count: rather one start more than one that was never there.
 * 3. One that was started twice runs in quarantine from then on, and so does one whose next start is its last.
 * 4. Only what died in quarantine can end as `crashed`, so a neighbour of a message that kills its process never pays for it.
 *
 * So a message that kills its process is started as often as its actor's retry policy says, when nobody dies beside it: once
 * unrecorded and then recorded, or recorded from its first start. (At least three times, and the last time alone: of the unrecorded one and
 * the first recorded one it may be that neither came to be.)
 */
export class Suspects {
  readonly #unit: UnitLease;
  readonly #starts = new Map<string, SuspectStart>();

  constructor(unit: UnitLease) {
    this.#unit = unit;
  }

  /** Takes what earlier owners have recorded. */
  restore(starts: readonly SuspectStart[]): void {
    for (const start of starts) this.#starts.set(addressOf(start), start);
  }

  /** Whether there is a recorded start of the message. */
  has(message: Address): boolean {
    return this.#find(message) !== undefined;
  }

  /** Starts of a message that count, besides those whose end is known. */
  startsOf(message: Address, suspicion: Suspicion): number {
    return this.#find(message)?.starts ?? (suspicion === 'started' ? 1 : 0);
  }

  /** Whether its last recorded start was in quarantine, and it did not come back from there. */
  diedAlone(message: Address): boolean {
    return this.#find(message)?.quarantined === true;
  }

  /** One that died alone and has used up its attempts is not started again; undefined where it may be. */
  judge(message: Address, starts: number, attempts: number): Verdict | undefined {
    if (!this.diedAlone(message) || starts < startsUntilCrashed(attempts)) return undefined;
    return reject('crashed', `its process ended or stood still during ${starts} starts, the last of them alone`, { starts });
  }

  /**
   * Resolves when the start is durable; false when the unit has a new owner. Tries again while the store is away.
   * `starts`: those that count, this one included.
   */
  async recordStart(message: Address, starts: number, quarantined: boolean, record: RecordPort, clock: Clock): Promise<boolean> {
    const { stream, seq } = message;
    const start = { unit: this.#unit, stream, seq, starts, quarantined };
    for (;;) {
      try {
        const { refused } = isBroken('suspects') ? NOTHING_REFUSED : await record.recordStarts([start]);
        if (refused.length > 0) return false;
        this.#starts.set(addressOf(message), start);
        return true;
      } catch (error) {
        if (!record.isTransient(error)) throw error;
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
      }
    }
  }

  /** It was settled: it is a suspect no more. */
  clear(message: Address): void {
    if (this.#starts.size > 0) this.#starts.delete(addressOf(message));
  }

  /** There are none nearly always, and then nothing is to be looked up. */
  #find(message: Address): SuspectStart | undefined {
    return this.#starts.size === 0 ? undefined : this.#starts.get(addressOf(message));
  }
}

/** Whether a suspect with so many starts that count has to run alone, the last of its attempts in any case. */
export function needsQuarantine(starts: number, attempt: number, attempts: number): boolean {
  const isLast = attempt >= startsUntilCrashed(attempts);
  return !isBroken('quarantine') && (starts >= STARTS_BEFORE_QUARANTINE || (starts > 0 && isLast));
}

/** Of a message that does not survive any. */
function startsUntilCrashed(attempts: number): number {
  return Math.max(attempts, LEAST_STARTS);
}

interface Address {
  readonly stream: string;
  readonly seq: number;
}

/** A first death may be anybody's; two starts that were not survived point at the message. */
const STARTS_BEFORE_QUARANTINE = 2;
/** One may have been assumed of a message that was lost on its way, one recorded by a process that then stood still: a world of 15,000 had both. */
const LEAST_STARTS = 3;
const NOTHING_REFUSED = { refused: [] } as const;
/** How long to wait before the store is asked again. */
const AGAIN_MS = 250;

function addressOf({ stream, seq }: Address): string {
  return `${stream}:${seq}`;
}
