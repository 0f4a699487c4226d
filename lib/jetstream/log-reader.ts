import type { Message } from '../actor/message.ts';
import { AppError } from '../core/app-error.ts';
import { API_CODES, ApiRefusal, requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import { readDirectHeaders, toMessage } from './stored-message.ts';

export interface LogBounds {
  /** The first stored sequence; last + 1 where the stream is empty. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
  readonly bytes: number;
  /** Its limit. */
  readonly maxBytes: number;
  /** RFC 3339; undefined where the stream is empty. */
  readonly firstAt: string | undefined;
  readonly lastAt: string | undefined;
}

/** A read is tried again for this long while the broker is away; whoever asks has a delay of its own. */
const READ_WITHIN_MS = 5_000;
const ANSWER_TIMEOUT_MS = 1_000;

interface StreamInfo {
  readonly config: { max_bytes: number };
  readonly state: { messages: number; bytes: number; first_seq: number; last_seq: number; first_ts: string; last_ts: string };
}

/** @throws AppError `broker_unavailable`, or `broker_refused` where there is no such stream */
export async function readBounds(connection: BrokerConnection, stream: string): Promise<LogBounds> {
  const { config, state } = await requestApiUntil<StreamInfo>(connection, `$JS.API.STREAM.INFO.${stream}`, undefined, READ_WITHIN_MS);
  const isEmpty = state.messages === 0;
  return {
    firstSeq: isEmpty ? state.last_seq + 1 : state.first_seq,
    lastSeq: state.last_seq,
    messages: state.messages,
    bytes: state.bytes,
    maxBytes: config.max_bytes,
    firstAt: isEmpty ? undefined : state.first_ts,
    lastAt: isEmpty ? undefined : state.last_ts,
  };
}

/**
 * Reads one stored message by its sequence; undefined where it is not there any more. Any replica answers.
 * @throws AppError `broker_unavailable` when nobody answers within 5 s
 */
export async function readStored(connection: BrokerConnection, stream: string, seq: number): Promise<Message | undefined> {
  const until = performance.now() + READ_WITHIN_MS;
  for (;;) {
    await connection.whenConnected(Math.max(0, until - performance.now()));
    const answer = await connection.nats
      .request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq }), { timeout: ANSWER_TIMEOUT_MS })
      .catch(
        (error: unknown) => new AppError('broker_unavailable', `${stream} ${seq}: expected the message, got no answer`, { cause: error }),
      );
    if (answer instanceof AppError) {
      if (performance.now() >= until || connection.nats.isClosed()) throw answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const stored = readDirectHeaders(answer);
    if (stored !== undefined) return toMessage(stored, answer);
    // A replica that lags says the same: only the leader knows that a message is gone.
    if (await isGone(connection, stream, seq)) return undefined;
    if (performance.now() >= until)
      throw new AppError('broker_unavailable', `${stream} ${seq}: expected the message, got ${answer.headers?.status ?? 'nothing'}`);
  }
}

/**
 * The first sequence from `fromSeq` on whose subject fits; undefined where there is none.
 * @throws AppError `broker_unavailable` when nobody answers within 5 s
 */
export async function findNext(connection: BrokerConnection, stream: string, filter: string, fromSeq: number): Promise<number | undefined> {
  try {
    const request = { seq: fromSeq, next_by_subj: filter };
    const { message } = await requestApiUntil<{ message: { seq: number } }>(
      connection,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      request,
      READ_WITHIN_MS,
    );
    return message.seq;
  } catch (error) {
    if (error instanceof ApiRefusal && error.apiCode === API_CODES.noMessage) return undefined;
    throw error;
  }
}

async function isGone(connection: BrokerConnection, stream: string, seq: number): Promise<boolean> {
  try {
    await requestApi(connection, `$JS.API.STREAM.MSG.GET.${stream}`, { seq });
    return false;
  } catch (error) {
    if (error instanceof ApiRefusal && error.apiCode === API_CODES.noMessage) return true;
    if (error instanceof AppError && error.retryable) return false;
    throw error;
  }
}
