/**
 * A stream as the broker's JSON: the body of `$JS.API.STREAM.CREATE.<name>` and the file of `nats stream add --config`.
 * Durations are nanoseconds (see `nanoseconds`). The broker refuses fields that it does not know.
 */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects: readonly string[];
  readonly retention: 'limits' | 'interest' | 'workqueue';
  readonly storage: 'file' | 'memory';
  readonly num_replicas: number;
  /** What happens at a limit: refuse the new, or drop the old. */
  readonly discard: 'new' | 'old';
  /** Nanoseconds. */
  readonly max_age: number;
  /** Required: a stream without it could fill the disk and close all the others. */
  readonly max_bytes: number;
  /** Nanoseconds. */
  readonly duplicate_window: number;
  /** Direct reads by sequence. */
  readonly allow_direct: boolean;
  /** Atomic batches (ADR-50): one fsync for many messages. */
  readonly allow_atomic?: boolean;
  readonly deny_delete?: boolean;
  /** A limit per subject; the oldest of the subject goes. */
  readonly max_msgs_per_subject?: number;
  /** A message may replace all that came before it (`nats kv purge`). */
  readonly allow_rollup_hdrs?: boolean;
}

/** The one place where our milliseconds become the broker's nanoseconds. */
export function nanoseconds(ms: number): number {
  return Math.round(ms * 1_000_000);
}
