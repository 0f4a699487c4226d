/** A stretch of numbers, both ends included. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

interface Stretch {
  from: number;
  to: number;
  /** When the log stored its first one; milliseconds since the epoch. */
  readonly since: number;
}

/**
 * Which numbers of one journal the log has. A relay sends them in order, so all of them are one stretch, or a few where some were
 * sent again.
 */
export class NumberAccount {
  /** Ascending, without overlap, never side by side. */
  #stretches: Stretch[] = [];
  #repeated = 0;
  #begin: number | undefined;

  /** @param storedAt by the log, milliseconds since the epoch */
  add(number: number, storedAt: number): void {
    this.#begin ??= number;
    const after = this.#stretches.findLastIndex(({ from }) => from <= number);
    const [before, next] = [this.#stretches[after], this.#stretches[after + 1]];
    if (before !== undefined && number <= before.to) {
      this.#repeated += 1;
    } else if (before?.to === number - 1) {
      before.to = number;
      if (next?.from === number + 1) {
        before.to = next.to;
        this.#stretches.splice(after + 1, 1);
      }
    } else if (next?.from === number + 1) {
      next.from = number;
    } else {
      this.#stretches.splice(after + 1, 0, { from: number, to: number, since: storedAt });
    }
  }

  /** The number that came first, whichever it was. */
  get begin(): number | undefined {
    return this.#begin;
  }

  get last(): number | undefined {
    return this.#stretches.at(-1)?.to;
  }

  /** Numbers that are there, each once. */
  get count(): number {
    return this.#stretches.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  /** How often a number came that was there already. */
  get repeated(): number {
    return this.#repeated;
  }

  has(number: number): boolean {
    return this.#stretches.some(({ from, to }) => from <= number && number <= to);
  }

  /**
   * The numbers from `from` to `to` that are not there. `storedBefore` leaves out what a number that came later than that has passed
   * by: it may still be on its way. (Default: nothing is left out)
   */
  missing(from: number, to: number, storedBefore = Infinity): NumberRange[] {
    const missing: NumberRange[] = [];
    let expected = from;
    for (const stretch of [...this.#stretches, { from: to + 1, to: to + 1, since: -Infinity }]) {
      if (stretch.from > expected && stretch.since < storedBefore) missing.push({ from: expected, to: Math.min(stretch.from - 1, to) });
      expected = Math.max(expected, stretch.to + 1);
      if (expected > to) break;
    }
    return missing;
  }
}
