export interface StreamOptions {
  /** The stream's share of the disk (see stream-sizes.ts). */
  readonly maxBytes: number;
  /** 1, or 3 in a cluster. (Default: 1) */
  readonly replicas?: number;
}

export const DAY_MS = 86_400_000;

/** How long the broker remembers message ids: longer than any retry of the publisher, short enough to live in its memory. */
export const DUPLICATE_WINDOW_MS = 120_000;
