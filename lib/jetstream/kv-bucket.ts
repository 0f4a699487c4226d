import { headers as createHeaders, type Msg } from '@nats-io/transport-node';
import { AppError } from '../core/app-error.ts';
import { API_CODES, ApiRefusal, requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import { decodeHeaderValue, encodeHeaderValue } from './header-codec.ts';
import { scanLog } from './log-scan.ts';
import type { StreamConfig } from './stream-config.ts';

/** One key's newest value. */
export interface BucketEntry {
  readonly key: string;
  readonly value: string;
  /** The sequence in the bucket's stream: it grows with every change of any key. */
  readonly revision: number;
  /** When the broker stored it, milliseconds since the epoch. */
  readonly changedAt: number;
}

/** What a bucket holds, and up to which change. */
export interface BucketContents {
  readonly entries: BucketEntry[];
  /** The last change that was seen, deletions too; 0: there is none. */
  readonly revision: number;
}

/** A change that is kept; `value` is undefined where the key was deleted. */
export interface BucketChange extends Omit<BucketEntry, 'value'> {
  readonly value: string | undefined;
  /** Who deleted it, where that was said. */
  readonly deletedBy: string | undefined;
}

/** Where a bucket stands. */
export interface BucketState {
  /** When the bucket was made: another one of the same name is another bucket. */
  readonly createdAt: string;
  /** The last change's revision; 0: nothing was ever stored. */
  readonly revision: number;
}

/**
 * A key-value bucket: a stream with a subject per key (ADR-8 of NATS), so `nats kv` reads and writes it as well.
 * Every method throws AppError `broker_unavailable` where the broker does not answer in time, and `broker_refused` where
 * there is no such bucket.
 */
export interface KvBucket {
  readonly name: string;
  /** Undefined where the key was never stored or was deleted. Asks the leader: what was stored before is seen. */
  get(key: string): Promise<BucketEntry | undefined>;
  /**
   * Stores a value where the key's revision still is `expected` (0: it must not be there), and gives back the new revision.
   * A deleted key's revision is that of its deletion, or 0.
   * @throws AppError `changed_meanwhile` otherwise; `broker_unavailable` leaves it open whether it was stored
   */
  put(key: string, value: string, expected: number): Promise<number>;
  /** Deletes the key; its history stays readable, with `who` in it. @throws as `put` does */
  delete(key: string, expected: number, who?: string): Promise<number>;
  /** All keys that have a value, as one moment had them. */
  list(): Promise<BucketEntry[]>;
  /** The same with how far it goes: in a cluster a copy may answer that has not got the last changes yet. */
  read(): Promise<BucketContents>;
  /** What is kept of a key's changes, oldest first. */
  history(key: string): Promise<BucketChange[]>;
  state(): Promise<BucketState>;
  /** Calls back when a change may have come; it may come too often, and must not be relied on. Returns how to stop. */
  onHint(listener: () => void): () => void;
}

/** Dots part the tokens of a subject; nothing else may. */
const KEY = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const WITHIN_MS = 5_000;
/** Whoever asks for the state asks again soon, and a request to a broker that was just coming up is lost in silence. */
const STATE_MS = 1_000;
/** Versions of a key that are kept: more than people change one in its life; the broker allows no more. */
const HISTORY = 64;
/** The stream's last sequence of the subject is another (server/errors.json: the number and the constant form of it). */
const WRONG_LAST_SEQUENCE: readonly number[] = [10071, 10164];
const OPERATION = 'KV-Operation';
const CHANGED_BY = 'Vis-Changed-By';

/** The stream behind a bucket, in the form that `nats kv add` gives it. A full bucket refuses; it never drops a key. */
export function bucketStream(options: { name: string; description: string; maxBytes: number; replicas: number }): StreamConfig {
  const { name, description, maxBytes, replicas } = options;
  return {
    name: streamOf(name),
    description,
    subjects: [`$KV.${name}.>`],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'new',
    max_age: 0,
    max_bytes: maxBytes,
    max_msgs_per_subject: HISTORY,
    duplicate_window: 120_000_000_000,
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
  };
}

/** Makes the bucket's client; nothing is asked before it is used. The bucket itself is made by `applyStreams`. */
export function createKvBucket(connection: BrokerConnection, name: string): KvBucket {
  const stream = streamOf(name);
  const prefix = `$KV.${name}.`;
  const subjectOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError(`key: expected ${KEY}, got ${JSON.stringify(key)}`);
    return prefix + key;
  };

  async function readMessage(query: object): Promise<BucketChange | undefined> {
    try {
      const { message } = await requestApiUntil<StoredAnswer>(connection, `$JS.API.STREAM.MSG.GET.${stream}`, query, WITHIN_MS);
      const headers = Buffer.from(message.hdrs ?? '', 'base64').toString();
      const isDeleted = /^KV-Operation: *(DEL|PURGE)/m.test(headers);
      const [, deletedBy] = isDeleted ? (/^Vis-Changed-By: *(.*?)\r?$/m.exec(headers) ?? []) : [];
      return {
        key: message.subject.slice(prefix.length),
        value: isDeleted ? undefined : Buffer.from(message.data ?? '', 'base64').toString(),
        deletedBy: deletedBy === undefined ? undefined : decodeHeaderValue(deletedBy),
        revision: message.seq,
        changedAt: Date.parse(message.time),
      };
    } catch (error) {
      if (error instanceof ApiRefusal && error.apiCode === API_CODES.noMessage) return undefined;
      throw error;
    }
  }

  async function store(key: string, value: string, expected: number, more: Readonly<Record<string, string>> = {}): Promise<number> {
    const headers = createHeaders();
    headers.set('Nats-Expected-Last-Subject-Sequence', String(expected));
    for (const [name, text] of Object.entries(more)) headers.set(name, encodeHeaderValue(name, text));
    await connection.whenConnected(WITHIN_MS);
    try {
      // Once: a second try could not tell its own first one from somebody else's change.
      const answer = await connection.nats.request(subjectOf(key), value, { headers, timeout: WITHIN_MS });
      return readAnswer(answer, key, expected);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('broker_unavailable', `${key}: expected the bucket ${name} to confirm within ${WITHIN_MS} ms`, { cause: error });
    }
  }

  async function read(): Promise<BucketContents> {
    const entries = new Map<string, BucketEntry>();
    let revision = 0;
    for await (const messages of scanLog(connection, { stream, filter: `${prefix}>`, latestOnly: true })) {
      for (const message of messages) {
        const key = message.subject.slice(prefix.length);
        revision = Math.max(revision, message.seq);
        if (message.header(OPERATION) === '')
          entries.set(key, {
            key,
            value: Buffer.from(message.toMessage().body).toString(),
            revision: message.seq,
            changedAt: message.storedAt,
          });
        else entries.delete(key);
      }
    }
    return { entries: [...entries.values()], revision };
  }

  return {
    name,
    async get(key) {
      const found = await readMessage({ last_by_subj: subjectOf(key) });
      if (found?.value === undefined) return undefined;
      const { value, revision, changedAt } = found;
      return { key, value, revision, changedAt };
    },
    async put(key, value, expected) {
      if (expected !== 0) return await store(key, value, expected);
      // To the broker a deleted key is one that has a last message.
      const last = await readMessage({ last_by_subj: subjectOf(key) });
      return await store(key, value, last?.value === undefined ? (last?.revision ?? 0) : 0);
    },
    delete: (key, expected, who) => store(key, '', expected, { [OPERATION]: 'DEL', ...(who === undefined ? {} : { [CHANGED_BY]: who }) }),
    list: async () => (await read()).entries,
    read,
    async history(key) {
      const changes: BucketChange[] = [];
      const subject = subjectOf(key);
      for (let seq = 1; ;) {
        const change = await readMessage({ seq, next_by_subj: subject });
        if (change === undefined) return changes;
        changes.push(change);
        seq = change.revision + 1;
      }
    },
    async state() {
      const info = await requestApi<StreamAnswer>(connection, `$JS.API.STREAM.INFO.${stream}`, undefined, STATE_MS);
      return { createdAt: info.created, revision: info.state.last_seq };
    },
    onHint(listener) {
      const subscription = connection.nats.subscribe(`${prefix}>`, { callback: () => listener() });
      const stopListening = connection.onChange((isConnected) => {
        if (isConnected) listener();
      });
      return () => {
        stopListening();
        if (!connection.nats.isClosed()) subscription.unsubscribe();
      };
    },
  };
}

/** @throws AppError where the answer is no confirmation */
function readAnswer(message: Msg, key: string, expected: number): number {
  const answer = message.json<{ seq: number; error?: { code: number; err_code?: number; description?: string } }>();
  if (answer.error === undefined) return answer.seq;
  if (WRONG_LAST_SEQUENCE.includes(answer.error.err_code ?? 0))
    throw new AppError(
      'changed_meanwhile',
      `${key}: expected it as it was looked at (revision ${expected}), somebody has changed it since`,
    );
  throw new ApiRefusal(message.subject, answer.error);
}

function streamOf(bucket: string): string {
  return `KV_${bucket}`;
}

interface StoredAnswer {
  readonly message: { subject: string; seq: number; time: string; hdrs?: string; data?: string };
}

interface StreamAnswer {
  readonly created: string;
  readonly state: { readonly last_seq: number };
}
