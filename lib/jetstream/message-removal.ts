import { AppError } from '../core/app-error.ts';
import { API_CODES, ApiRefusal, requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';

/** Each is a write to the broker's disk: a few at once share it, more only wait for each other. */
const AT_ONCE = 16;
const WITHIN_MS = 5_000;
const PAUSE_MS = 50;

/**
 * Removes messages from a stream, by their sequences; those that are gone already are passed over. Their bytes are not
 * overwritten, only given free.
 * @returns how many were removed
 * @throws AppError `broker_unavailable`, or `broker_refused` where the stream allows no removal; some may be removed then
 */
export async function removeMessages(connection: BrokerConnection, stream: string, seqs: readonly number[]): Promise<number> {
  const left = seqs.values();
  let removed = 0;
  const remove = async (): Promise<void> => {
    for (const seq of left) if (await removeOne(connection, stream, seq)) removed += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, remove));
  return removed;
}

async function removeOne(connection: BrokerConnection, stream: string, seq: number): Promise<boolean> {
  for (const until = performance.now() + WITHIN_MS; ;) {
    await connection.whenConnected(Math.max(0, until - performance.now()));
    try {
      await requestApi(connection, `$JS.API.STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true });
      return true;
    } catch (error) {
      // One number for what is gone, what may not be removed and a broker in trouble: the message itself tells which.
      if (!(error instanceof ApiRefusal) || error.apiCode !== API_CODES.messageNotRemoved) {
        if (!(error instanceof AppError) || !error.retryable || performance.now() >= until) throw error;
      } else if (await isGone(connection, stream, seq)) return false;
      else if (performance.now() >= until) throw new AppError('broker_refused', error.message, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function isGone(connection: BrokerConnection, stream: string, seq: number): Promise<boolean> {
  return await requestApiUntil(connection, `$JS.API.STREAM.MSG.GET.${stream}`, { seq }, WITHIN_MS).then(
    () => false,
    (error: unknown) => {
      if (error instanceof ApiRefusal && error.apiCode === API_CODES.noMessage) return true;
      throw error;
    },
  );
}

/**
 * Removes all messages of a subject (wildcards allowed) up to and with a sequence, in one step.
 * @returns how many were removed
 */
export async function purgeMessages(connection: BrokerConnection, stream: string, upTo: { filter: string; seq: number }): Promise<number> {
  const { filter, seq } = upTo;
  // The broker keeps the sequence that it is given.
  const request = { filter, seq: seq + 1 };
  const { purged } = await requestApiUntil<{ purged: number }>(connection, `$JS.API.STREAM.PURGE.${stream}`, request, WITHIN_MS);
  return purged;
}
