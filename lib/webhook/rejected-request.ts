import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { HEADERS, SCHEMA_VERSION } from '../core/headers.ts';
import type { Seal } from '../core/seal.ts';

/** A request to a known source that could not be verified, whole. */
export interface RejectedRequest {
  /** Its own identity, made at its receipt; it is the event's where the provider gave none. */
  readonly id: string;
  readonly source: string;
  /** Why it was refused (`VerifyFailure`). */
  readonly reason: string;
  /** First time of receipt, milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** Counts up with each request that one process refused: the order within a millisecond. */
  readonly number: number;
  readonly method: string;
  /** With its query, which may hold a credential. */
  readonly path: string;
  /** Name, value, name, value ... in the order and spelling of the sender. */
  readonly rawHeaders: readonly string[];
  /** Undefined where the connection was gone already. */
  readonly remoteAddress: string | undefined;
  readonly body: Uint8Array;
}

/**
 * The stored form: the body as it came, beside it what anybody may read, and sealed what may hold credentials. A stranger
 * decides what is in it, so nothing of it is a name or a part of the subject but what we gave ourselves.
 */
export interface StoredRejected {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What can be read without the key. */
export interface RejectedSummary {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly number: number;
}

const sealedSchema = z.strictObject({
  reason: z.string(),
  receivedAtMs: z.int(),
  number: z.int(),
  method: z.string(),
  path: z.string(),
  rawHeaders: z.array(z.string()).readonly(),
  remoteAddress: z.string().optional(),
  bodySha256: z.string(),
});

export function writeRejected(request: RejectedRequest, seal: Pick<Seal, 'seal'>): StoredRejected {
  const { id, source, reason, receivedAtMs, number, method, path, rawHeaders, remoteAddress, body } = request;
  // The time is inside too: it decides which signatures are in time, so nobody may change it.
  const sealed = {
    reason,
    receivedAtMs,
    number,
    method,
    path,
    rawHeaders,
    remoteAddress,
    // A credential proves the sender and nothing of the body: what is readmitted has to be what came with it.
    bodySha256: sha256(body),
  } satisfies z.input<typeof sealedSchema>;
  return {
    headers: {
      [HEADERS.received]: new Date(receivedAtMs).toISOString(),
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.rejectedNumber]: String(number),
      [HEADERS.rejectedRequest]: seal.seal(JSON.stringify(sealed), placeOf(source, id)),
    },
    body,
  };
}

/** Reads what is not sealed. Never throws: where a value is missing it is the oldest and the first. */
export function readSummary(header: (name: string) => string): RejectedSummary {
  const receivedAtMs = Date.parse(header(HEADERS.received));
  const number = Number(header(HEADERS.rejectedNumber));
  return { id: header(HEADERS.id), receivedAtMs: Number.isNaN(receivedAtMs) ? 0 : receivedAtMs, number: Number.isNaN(number) ? 0 : number };
}

/**
 * Reads the whole request; `source` is the one that its subject names.
 * @throws AppError `cannot_unseal` where the key is another one, the message or its body was changed, or it was moved to another source
 */
export function readRejected(stored: StoredRejected & { readonly source: string }, seal: Pick<Seal, 'open'>): RejectedRequest {
  const { source, headers, body } = stored;
  const id = headers[HEADERS.id] ?? '';
  const text = seal.open(headers[HEADERS.rejectedRequest] ?? '', placeOf(source, id));
  const parsed = sealedSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new AppError('cannot_unseal', `${placeOf(source, id)}: it was written in a form that this version does not know`);
  const { remoteAddress, bodySha256, ...rest } = parsed.data;
  if (sha256(body) !== bodySha256) throw new AppError('cannot_unseal', `${placeOf(source, id)}: its body is not the one that came`);
  return { id, source, ...rest, remoteAddress, body };
}

/** In the order of receipt, as well as the clocks of several processes know it. */
export function byReceipt(first: Omit<RejectedSummary, 'id'>, second: Omit<RejectedSummary, 'id'>): number {
  return first.receivedAtMs - second.receivedAtMs || first.number - second.number;
}

function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64');
}

function placeOf(source: string, id: string): string {
  return `rejected.${source}.${id}`;
}
