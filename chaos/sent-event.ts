/** What became of an accepted event in the end. `open` is no end: somebody still has to do something about it. */
export type Fate = 'done' | 'held' | 'dead' | 'unrouted' | 'open';

/**
 * How a request ended, as its sender saw it: an answer that says yes, one that says no, or none from which it could be told. What
 * is unknown may have happened or not; what is ok must have, what is fail must not. So it is in Jepsen's histories.
 */
export type TryEnd = 'ok' | 'fail' | 'unknown';

/** One event of a load with all the requests that were made for it. Times are milliseconds since the load began. */
export interface SentEvent {
  readonly key: string;
  /** Counts the events of its key, from 0. */
  readonly number: number;
  /** Its identity at the provider, the same in each try. */
  readonly delivery: string;
  readonly invokedAt: number;
  /** When the first ok came; undefined where none did. */
  readonly okAt: number | undefined;
  /** Of all its tries together: ok where one was, fail where all were. */
  readonly end: TryEnd;
  /** What may become of it where it is accepted. */
  readonly mayEnd: readonly Fate[];
}

/** What a status of the door means to its sender. A server that says 5xx may have stored it and said so too late. */
export function endOfTry(status: number | undefined): TryEnd {
  if (status === undefined || status >= 500) return 'unknown';
  return status >= 200 && status < 300 ? 'ok' : 'fail';
}
