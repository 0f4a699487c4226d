/** What a load generator is asked to do, and what it answers. Both cross a process border: plain data only. */
export interface LoadJob {
  readonly port: number;
  /** HTTP path of the requests. */
  readonly path: string;
  /** The secret that signs the bodies. */
  readonly secret: string;
  readonly shape: LoadShape;
  /** Answers in this time count for nothing but `answers`. Seconds. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Processes whose CPU time is read at both ends of the measured time. */
  readonly pids: readonly number[];
}

/**
 * - `closed`: each connection sends its next request when the answer to the last has come, so the server sets the pace
 * - `open`: requests are due at a fixed rate whatever the server does, and a latency begins when its request was due
 */
export type LoadShape =
  | { readonly kind: 'closed'; readonly connections: number }
  | { readonly kind: 'open'; readonly connections: number; readonly perSecond: number };

export interface LoadResult {
  /** Answers by status (`lost`: the connection broke, or nothing came in time), also of the warm-up. */
  readonly answers: Readonly<Record<string, number>>;
  /** 2xx answers per second of the measured time. */
  readonly perSecond: number;
  /** Of the 2xx answers of the measured time, in no order. Milliseconds. */
  readonly latenciesMs: Float64Array;
  /** How late requests were when the generator got to them, before it looked for a free connection; empty for `closed`. Milliseconds. */
  readonly latenessMs: Float64Array;
  /** CPU seconds of each process of `pids` in the measured time; NaN where they cannot be read. */
  readonly cpuSeconds: readonly number[];
  /** The generator's own. */
  readonly ownCpuSeconds: number;
}

/** Answers outside of the measured time are kept out by this. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}
