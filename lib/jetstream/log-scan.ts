import { createInbox, type Msg } from '@nats-io/transport-node';
import type { Message } from '../actor/message.ts';
import { AppError } from '../core/app-error.ts';
import { readHeaders } from './header-codec.ts';
import { requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import { readAckSubject, toMessage, type StoredAt } from './stored-message.ts';
import { nanoseconds } from './stream-config.ts';

export interface ScanOptions {
  readonly stream: string;
  /** Subject, wildcards allowed. (Default: everything) */
  readonly filter?: string;
  /** (Default: 1) */
  readonly fromSeq?: number;
  /** The last sequence to read. (Default: the end as it is when the scan gets there) */
  readonly toSeq?: number;
  /** Only the last message of each subject; `fromSeq` is not looked at, and where the connection broke it begins anew. Needs `filter`. */
  readonly latestOnly?: boolean;
  /** Only what was stored since then, milliseconds since the epoch. (Default: everything) */
  readonly sinceMs?: number;
  /** Leaves the bodies where they are; `bodyBytes` still says how long they are. */
  readonly headersOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** A stored message; headers and body are read only where they are asked for. */
export interface ScannedMessage extends StoredAt {
  /** '' where it is missing. */
  header(name: string): string;
  readonly bodyBytes: number;
  toMessage(): Message;
}

const WITHIN_MS = 5_000;
/** Silence that ends a chunk: the broker or the connection is gone. */
const SILENCE_MS = 1_000;
/** Messages per pull: enough to hide the round trip, and about 8 MB of usual events in memory. */
const CHUNK_MESSAGES = 4_000;
/** The broker forgets the scan's consumer after this long without a pull, should we die. */
const INACTIVE_MS = 10_000;

/**
 * Reads a range of the log in order, fast, through a temporary consumer without acknowledgements; it disturbs no lane.
 * Goes on by itself where the connection broke.
 * @throws AppError `broker_unavailable` when the broker stays away for 5 s; the reason of `signal`
 */
export async function* scanLog(connection: BrokerConnection, options: ScanOptions): AsyncGenerator<ScannedMessage[]> {
  const { toSeq = Number.MAX_SAFE_INTEGER, signal } = options;
  let fromSeq = Math.max(1, options.fromSeq ?? 1);
  while (fromSeq <= toSeq) {
    const consumer = await openConsumer(connection, options, fromSeq);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { messages, end } = await readChunk(connection, options.stream, consumer);
        const wanted = messages.filter((message) => message.seq <= toSeq);
        fromSeq = (messages.at(-1)?.seq ?? fromSeq - 1) + 1;
        if (wanted.length > 0) yield wanted;
        if (end === 'log' || fromSeq > toSeq) return;
        if (end === 'broken') break;
      }
    } finally {
      // Left alone it would be gone in a while.
      await requestApi(connection, `$JS.API.CONSUMER.DELETE.${options.stream}.${consumer}`, undefined, SILENCE_MS).catch(() => undefined);
    }
  }
}

async function openConsumer(connection: BrokerConnection, options: ScanOptions, fromSeq: number): Promise<string> {
  const name = createInbox().replace(/^.*\./, 'scan-');
  const config = {
    name,
    ...(options.latestOnly === true
      ? { deliver_policy: 'last_per_subject' }
      : options.sinceMs !== undefined && fromSeq === 1
        ? { deliver_policy: 'by_start_time', opt_start_time: new Date(options.sinceMs).toISOString() }
        : { deliver_policy: 'by_start_sequence', opt_start_seq: fromSeq }),
    ...(options.headersOnly === true ? { headers_only: true } : {}),
    ack_policy: 'none',
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanoseconds(INACTIVE_MS),
    ...(options.filter === undefined ? {} : { filter_subjects: [options.filter] }),
  };
  await requestApiUntil(
    connection,
    `$JS.API.CONSUMER.CREATE.${options.stream}.${name}`,
    { stream_name: options.stream, config },
    WITHIN_MS,
  );
  return name;
}

/** `log`: nothing is left; `chunk`: there is more; `broken`: the consumer or the connection is gone. */
type ChunkEnd = 'log' | 'chunk' | 'broken';

async function readChunk(
  connection: BrokerConnection,
  stream: string,
  consumer: string,
): Promise<{ messages: ScannedMessage[]; end: ChunkEnd }> {
  const inbox = createInbox();
  const messages: ScannedMessage[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<ChunkEnd>();
  const timer = setTimeout(() => resolve('broken'), SILENCE_MS);
  const stopListening = connection.onChange(() => resolve('broken'));
  const subscription = connection.nats.subscribe(inbox, {
    callback(error, message) {
      if (error !== null) return reject(new AppError('broker_unavailable', `${stream}: cannot be read`, { cause: error }));
      timer.refresh();
      const address = readAckSubject(message.reply ?? '');
      if (address === undefined) return resolve(message.headers?.code === 404 ? 'log' : 'broken');
      messages.push(scanned({ stream, seq: address.streamSeq, subject: message.subject, storedAt: address.storedAt }, message));
      // The last token of the address is how many are left.
      if (message.reply?.endsWith('.0') === true) resolve('log');
      else if (messages.length === CHUNK_MESSAGES) resolve('chunk');
    },
  });
  try {
    connection.nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify({ batch: CHUNK_MESSAGES, no_wait: true }), {
      reply: inbox,
    });
    return { end: await promise, messages };
  } finally {
    clearTimeout(timer);
    stopListening();
    subscription.unsubscribe();
  }
}

function scanned(stored: StoredAt, message: Msg): ScannedMessage {
  let headers: Record<string, string> | undefined;
  return {
    ...stored,
    header(name) {
      headers ??= readHeaders(message);
      return headers[name] ?? '';
    },
    get bodyBytes() {
      // The broker tells the length where it leaves the body out.
      const told = message.data.byteLength > 0 ? '' : (message.headers?.last('Nats-Msg-Size') ?? '');
      return told === '' ? message.data.byteLength : Number(told);
    },
    toMessage: () => toMessage(stored, message),
  };
}
