import type { Clock } from '../core/clock.ts';
import type { RecordPort, SuspectStart, UnitLease } from './record-port.ts';

/**
 * Messages of one unit that may have been in flight when an owner died. A suspect's start is recorded before its handler
 * runs; one that was started twice runs in quarantine from then on; and only starts in quarantine can end as `crashed`, so
 * a neighbour of a message that kills its process never pays for it.
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

  /** Recorded starts of a message; 0 when it is none or was never recorded. */
  startsOf(message: Address): number {
    return this.#starts.get(addressOf(message))?.starts ?? 0;
  }

  needsQuarantine(message: Address): boolean {
    return this.startsOf(message) >= STARTS_BEFORE_QUARANTINE;
  }

  /** Whether its last recorded start was in quarantine, and it did not come back from there. */
  diedAlone(message: Address): boolean {
    return this.#starts.get(addressOf(message))?.quarantined === true;
  }

  /** Resolves when the start is durable; false when the unit has a new owner. Tries again while the store is away. */
  async recordStart(message: Address, quarantined: boolean, record: RecordPort, clock: Clock): Promise<boolean> {
    const { stream, seq } = message;
    const start = { unit: this.#unit, stream, seq, starts: this.startsOf(message) + 1, quarantined };
    for (;;) {
      try {
        const { refused } = await record.recordStarts([start]);
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
    this.#starts.delete(addressOf(message));
  }
}

interface Address {
  readonly stream: string;
  readonly seq: number;
}

/** A first death may be anybody's; two starts that were not survived point at the message. */
const STARTS_BEFORE_QUARANTINE = 2;
/** How long to wait before the store is asked again. */
const AGAIN_MS = 250;

function addressOf({ stream, seq }: Address): string {
  return `${stream}:${seq}`;
}
