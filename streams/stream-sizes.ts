/** Bytes that each stream may hold; together never more than the disk has. */
export interface StreamSizes {
  readonly events: number;
  readonly commands: number;
  readonly deadLetters: number;
  readonly advisories: number;
  readonly rejected: number;
  readonly config: number;
  readonly documents: number;
}

/** For a developer's machine: about ten hours at 200 events/s of 1 KB. An installation sets its own. */
export const DEFAULT_LOG_BYTES = 12 * 1024 ** 3;

/** Below this a stream holds too few messages to be of use, and a single block of the broker's store is 8 MiB. */
export const MIN_LOG_BYTES = 256 * 1024 ** 2;

/** A quarter of a million usual requests; strangers fill it, so it gets no more where there is more. */
const MAX_REJECTED_BYTES = 256 * 1024 ** 2;

/** A thousand sources and keys of 1 KB with sixteen versions each; more is not needed, and a full log takes none of it. */
const CONFIG_BYTES = 16 * 1024 ** 2;

/**
 * Divides what the log may use on the disk: events are kept whole, a command is about a third of its event, dead letters
 * are copies of few, documents are as large as many events and leave after 90 days, advisories are small, rejected requests get little and have it for themselves,
 * and so does the configuration.
 * @throws RangeError below 256 MiB
 */
export function divideLogBytes(totalBytes: number): StreamSizes {
  if (!Number.isSafeInteger(totalBytes) || totalBytes < MIN_LOG_BYTES)
    throw new RangeError(`log size: expected at least ${MIN_LOG_BYTES} bytes, got ${totalBytes}`);
  const share = (percent: number): number => Math.floor((totalBytes * percent) / 100);
  const others = {
    commands: share(23),
    deadLetters: share(10),
    advisories: share(2),
    rejected: Math.min(share(5), MAX_REJECTED_BYTES),
    config: CONFIG_BYTES,
    documents: share(10),
  };
  return { ...others, events: totalBytes - Object.values(others).reduce((sum, bytes) => sum + bytes, 0) };
}
