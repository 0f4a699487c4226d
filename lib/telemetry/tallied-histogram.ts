import { Histogram } from 'prom-client';

/** What the client keeps of one series. Its types do not show it. */
interface KeptSeries {
  readonly labels: object;
  readonly bucketValues: Record<string, number>;
  sum: number;
  count: number;
}

/** Values that the client has not been told of: how many of each bucket, and behind them those above the last one. */
interface Tally {
  readonly kept: KeptSeries;
  readonly counts: Float64Array;
  sum: number;
}

/**
 * A histogram for values that come with each message: `tally` counts in an array, and the client is told when it is asked for its
 * figures. `observe` looks every value's series up by a text of its labels and its bucket by a text of its bound (measured: a tenth
 * of what a dispatch costs).
 */
export class TalliedHistogram<Label extends string> extends Histogram<Label> {
  readonly #tallies = new Map<string, Tally>();

  /** As `observe`. The labels are all of the histogram's. */
  tally(labels: Readonly<Record<Label, string>>, value: number): void {
    const { upperBounds, labelNames } = this as unknown as { upperBounds: readonly number[]; labelNames: readonly Label[] };
    let name = labels[labelNames[0]!];
    for (let index = 1; index < labelNames.length; index += 1) name += `\n${labels[labelNames[index]!]}`;
    const tally = this.#tallies.get(name);
    if (tally === undefined) {
      this.#begin(name, { ...labels }, value, upperBounds.length);
      return;
    }
    let bucket = 0;
    while (bucket < upperBounds.length && value > upperBounds[bucket]!) bucket += 1;
    tally.counts[bucket]! += 1;
    tally.sum += value;
  }

  override async get(): ReturnType<Histogram<Label>['get']> {
    this.#tell();
    return await super.get();
  }

  /** What a registry asks for its text. The client's types do not show it. */
  async getForPromString(): Promise<unknown> {
    this.#tell();
    return await (Histogram.prototype as unknown as TalliedHistogram<Label>).getForPromString.call(this);
  }

  /** The client makes the series; found once, it can be told of many values at once. */
  #begin(name: string, labels: Record<Label, string>, value: number, buckets: number): void {
    this.observe(labels, value);
    const { hashMap } = this as unknown as { hashMap: Readonly<Record<string, KeptSeries>> };
    const kept = Object.values(hashMap).find((each) => each.labels === labels);
    // Where a newer client keeps it elsewhere, or it was there before, it is told of each value by itself.
    if (kept !== undefined) this.#tallies.set(name, { kept, counts: new Float64Array(buckets + 1), sum: 0 });
  }

  #tell(): void {
    const { upperBounds } = this as unknown as { upperBounds: readonly number[] };
    for (const tally of this.#tallies.values()) {
      const { kept, counts } = tally;
      counts.forEach((count, bucket) => {
        kept.count += count;
        const bound = upperBounds[bucket];
        if (bound !== undefined) kept.bucketValues[bound]! += count;
      });
      kept.sum += tally.sum;
      counts.fill(0);
      tally.sum = 0;
    }
  }
}
