import { setTimeout as wait } from 'node:timers/promises';
import type { BucketState, KvBucket } from '../jetstream/kv-bucket.ts';
import type { SettingEntry } from './known-settings.ts';

/** What is done with what is heard; one call at a time. */
export interface BucketFollower {
  /** Whether an empty bucket is what it seems: one that was made anew would take everything away that is known. */
  isEmptyBelieved(): boolean;
  /**
   * All that the bucket holds, after a change and at the beginning, and when the bucket was made: another time is another bucket.
   * @returns why it is not believed to be all; undefined where it is
   */
  onEntries(entries: readonly SettingEntry[], createdAt: string): Promise<string | undefined>;
  /** The bucket has answered, and what was heard is all that there is. */
  onHeard(): Promise<void>;
  /** It cannot be asked, or its answer is not believed. */
  onTrouble(because: string): void;
}

/**
 * Changes are heard at once by a hint, and within this time without one: with the list that follows it is below the 5 s
 * that a revoked key may live on. One small question per process in that time costs the broker nothing.
 */
const ASK_EVERY_MS = 1_500;
/** A broker that has just come back may not be ready yet, and is soon. */
const RETRY_MS = 500;
/**
 * A copy that lags would take a change back, a revocation for example. After so many answers it is no lag: somebody has purged
 * the last change, and what is there is all.
 */
const BELIEVED_AT = 4;
/** A round trip and the writing of the file, on a machine under load. */
const STOP_MS = 1_000;
/** A hint comes with the message, and the message may be stored a moment later. */
const ASK_AGAIN_MS = 200;

/**
 * Asks the bucket whether it has changed, and reads it whole when it has: what was missed while the broker was away is
 * found by the same way as everything else. Returns what ends it, and waits up to a second for the question that
 * is under way.
 */
export function followBucket(bucket: KvBucket, follower: BucketFollower): () => Promise<void> {
  let seen: BucketState | undefined;
  let doubt: string | undefined;
  let isStopped = false;
  let isAsking = false;
  let isWanted = false;
  let behind = 0;
  let hasTrouble = false;
  let timer: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  let asking = Promise.resolve();

  async function ask(): Promise<void> {
    try {
      const state = await bucket.state();
      if (seen?.createdAt !== state.createdAt || seen.revision !== state.revision) {
        const { entries, revision } = await bucket.read();
        if (isStopped) return;
        // Made anew in between, what was read would be taken for the contents of the old one.
        if ((await bucket.state()).createdAt !== state.createdAt) throw new Error('the bucket was made anew while it was read');
        if (isStopped) return;
        if (revision === 0 && !follower.isEmptyBelieved()) throw new Error('the bucket is empty, as if it had been made anew');
        behind = revision < state.revision ? behind + 1 : 0;
        if (behind > 0 && behind < BELIEVED_AT) {
          askAgain();
          throw new Error(`expected the bucket up to its change ${state.revision}, got it up to ${revision}`);
        }
        doubt = await follower.onEntries(entries, state.createdAt);
        // What came after `state` was asked is in there, and is found again by the next question: once too often is harmless.
        seen = state;
      }
      hasTrouble = false;
      if (doubt === undefined) await follower.onHeard();
      else follower.onTrouble(doubt);
    } catch (error) {
      if (isStopped) return;
      hasTrouble = true;
      follower.onTrouble(error instanceof Error ? error.message : String(error));
    }
  }

  function wake(): void {
    isWanted = true;
    if (isAsking || isStopped) return;
    isAsking = true;
    clearTimeout(timer);
    asking = (async () => {
      while (isWanted && !isStopped) {
        isWanted = false;
        await ask();
      }
      isAsking = false;
      if (!isStopped) timer = setTimeout(wake, hasTrouble ? RETRY_MS : ASK_EVERY_MS);
    })();
  }

  function askAgain(): void {
    clearTimeout(again);
    if (!isStopped) again = setTimeout(wake, ASK_AGAIN_MS);
  }

  const stopListening = bucket.onHint(() => {
    wake();
    askAgain();
  });
  wake();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    clearTimeout(again);
    stopListening();
    // A question to a broker that is away may last several seconds; its answer is not looked at any more.
    await Promise.race([asking, wait(STOP_MS, undefined, { ref: false })]);
  };
}
