import { createHash } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { Objm, setSha256Backend, type ObjectStore as Bucket } from '@nats-io/obj';
import { AppError } from '../core/app-error.ts';
import type { BrokerConnection } from './connection.ts';
import { nanoseconds, type StreamConfig } from './stream-config.ts';

/** What is known of a stored object without its bytes. */
export interface StoredObjectInfo {
  /** The SHA-256 of its bytes, 64 hex digits: its only name. */
  readonly id: string;
  readonly bytes: number;
  /** A media type, as `application/pdf`. */
  readonly contentType: string;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
}

export interface StoredObject extends StoredObjectInfo {
  readonly content: Buffer;
}

/**
 * Objects by their content (an object store bucket of NATS, ADR-20, so `nats object` reads it as well). Two equal contents are
 * one object; what has been given out as an id never changes. All methods may be called concurrently and throw AppError `broker_unavailable`
 * where the broker does not answer in time or has no room.
 */
export interface ObjectStore {
  /** Stores the bytes, or finds them stored; may be repeated. */
  put(content: Uint8Array, contentType: string): Promise<StoredObjectInfo>;
  /** Undefined where there is no such object (any more), or its bytes are not what its id says. */
  get(id: string): Promise<StoredObject | undefined>;
  info(id: string): Promise<StoredObjectInfo | undefined>;
}

/** An id as `put` gives it. */
export const OBJECT_ID = /^[0-9a-f]{64}$/;

/** One chunk, and one bound for a whole read: at 8 MiB/s an object of the largest size that we make. */
const WITHIN_MS = 5_000;
/** An equal object younger than this is taken as it is; an older one is stored anew, so that it does not expire under a fresh link. */
const REUSE_MS = 86_400_000;
const CONTENT_TYPE = 'content-type';

/** The stream behind the bucket, in the form that `nats object add` gives it. A full bucket refuses; it drops nothing but by age. */
export function objectStream(options: {
  name: string;
  description: string;
  maxBytes: number;
  maxAgeMs: number;
  replicas: number;
}): StreamConfig {
  const { name, description, maxBytes, maxAgeMs, replicas } = options;
  return {
    name: `OBJ_${name}`,
    description,
    subjects: [`$O.${name}.C.>`, `$O.${name}.M.>`],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'new',
    max_age: nanoseconds(maxAgeMs),
    max_bytes: maxBytes,
    duplicate_window: 120_000_000_000,
    allow_direct: true,
    allow_rollup_hdrs: true,
  };
}

/** The id that these bytes have in every store. */
export function objectId(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Makes the client of a bucket; nothing is asked before it is used. The bucket itself is made by `applyStreams`. */
export function createObjectStore(connection: BrokerConnection, name: string): ObjectStore {
  // The client's own SHA-256 is plain JavaScript, ten times slower.
  setSha256Backend('native');
  let opened: Promise<Bucket> | undefined;

  /** The bucket's client, once there was a connection. */
  async function bucket(): Promise<Bucket> {
    await connection.whenConnected(WITHIN_MS);
    opened ??= new Objm(jetstream(connection.nats, { timeout: WITHIN_MS })).open(name, false);
    try {
      return await opened;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  async function ask<Answer>(what: string, run: (bucket: Bucket) => Promise<Answer>): Promise<Answer> {
    try {
      return await run(await bucket());
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('broker_unavailable', `${what}: expected the bucket ${name} to answer`, { cause: error });
    }
  }

  async function info(id: string): Promise<StoredObjectInfo | undefined> {
    if (!OBJECT_ID.test(id)) return undefined;
    const found = await ask(id, (store) => store.info(id));
    if (found === null || found.deleted) return undefined;
    const contentType = found.metadata?.[CONTENT_TYPE] ?? 'application/octet-stream';
    return { id, bytes: found.size, contentType, storedAt: Date.parse(found.mtime) };
  }

  return {
    info,
    async put(content, contentType) {
      const id = objectId(content);
      const existing = await info(id);
      if (existing !== undefined && Date.now() - existing.storedAt < REUSE_MS) return existing;
      const stored = await ask(id, (store) =>
        store.putBlob({ name: id, metadata: { [CONTENT_TYPE]: contentType } }, content, { timeout: WITHIN_MS }),
      );
      return { id, bytes: content.byteLength, contentType, storedAt: Date.parse(stored.mtime) };
    },
    async get(id) {
      const known = await info(id);
      if (known === undefined) return undefined;
      const content = await ask(id, async (store) => withinTime(await store.get(id)));
      return content === undefined || objectId(content) !== id ? undefined : { ...known, content };
    },
  };
}

/** The client waits for ever for a chunk that was removed after it had read the object's entry. */
async function withinTime(result: Awaited<ReturnType<Bucket['get']>>): Promise<Buffer | undefined> {
  if (result === null) return undefined;
  const reader = result.data.getReader();
  result.error.catch(() => undefined);
  const timer = setTimeout(() => void reader.cancel(), WITHIN_MS);
  try {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks);
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}
