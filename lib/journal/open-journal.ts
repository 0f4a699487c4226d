import { hash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';

import { AppError } from '../core/app-error.ts';
import { openEnvironment } from './environment.ts';
import type { Appended, Confirmed, Journal, JournalOffer, JournalRecord } from './journal.ts';
import { decodeState, encodeState, type JournalState } from './journal-state.ts';
import { decodeRecord, encodeOffer, sealRecord } from './record-codec.ts';

export interface JournalOptions {
  /** The folder of the journal; made where it is not there. */
  readonly path: string;
  /** Bytes of records that may wait; above it, appends are refused. */
  readonly maxBytes: number;
  /** Wall clock, milliseconds since the epoch. Default: the system's. */
  readonly now?: () => number;
  /** Told of every record whose checksum does not fit, once. */
  readonly onDamaged?: (number: number) => void;
}

/** How soon another process's writes are noticed. */
const FOREIGN_WRITE_POLL_MS = 500;

const RETRY_AFTER_SECONDS = 5;

interface Waiting {
  readonly offers: readonly JournalOffer[];
  readonly records: readonly Buffer[];
  readonly resolve: (appended: readonly Appended[]) => void;
  readonly reject: (error: Error) => void;
  outcome: readonly Appended[] | AppError;
}

/** @throws AppError `start_failed` where the file cannot be opened */
export async function openJournal({ path, maxBytes, now = Date.now, onDamaged }: JournalOptions): Promise<Journal> {
  const { root, records, ids, damaged, meta } = openEnvironment(path);
  const id = await root.transaction(() => {
    const known = meta.get('id');
    if (known) return known.toString();
    const fresh = randomBytes(8).toString('hex');
    meta.putSync('id', Buffer.from(fresh));
    return fresh;
  });

  const listeners = new Set<() => void>();
  const knownDamaged = new Set<number>();
  let waiting: Waiting[] = [];
  let confirmations: { confirmed: readonly Confirmed[]; resolve: () => void; reject: (error: Error) => void }[] = [];
  let running: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  let lastSeen = readState().lastNumber;

  const poll = setInterval(() => notice(readState().lastNumber), FOREIGN_WRITE_POLL_MS);
  poll.unref();

  function readState(): JournalState {
    return decodeState(meta.get('state'));
  }

  function notice(lastNumber: number): void {
    if (lastNumber <= lastSeen) return;
    lastSeen = lastNumber;
    for (const listener of listeners) listener();
  }

  function pump(): void {
    running ??= drain();
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0 || confirmations.length > 0) await commit();
    // In the same turn as the last look, or what is offered in between would wait for the next call.
    running = undefined;
  }

  async function commit(): Promise<void> {
    let appends: Waiting[] = [];
    let forgets: typeof confirmations = [];
    try {
      const state = await root.transaction(() => {
        // Taken as late as possible: what was offered while the transaction began goes into it.
        [appends, waiting] = [waiting, []];
        [forgets, confirmations] = [confirmations, []];
        const state = readState();
        for (const { confirmed } of forgets) for (const one of confirmed) remove(one, state);
        for (const append of appends) append.outcome = store(append, state);
        meta.putSync('state', encodeState(state));
        return state;
      });
      for (const { outcome, resolve, reject } of appends) {
        if (outcome instanceof AppError) reject(outcome);
        else resolve(outcome);
      }
      for (const { resolve } of forgets) resolve();
      notice(state.lastNumber);
    } catch (error) {
      const failure = refused('the journal could not be written', error);
      for (const { reject } of [...appends, ...forgets]) reject(failure);
    }
  }

  function store({ offers, records: encoded }: Waiting, state: JournalState): readonly Appended[] | AppError {
    const keys = offers.map(({ emit }) => identityKey(emit.id));
    const isKnown = offers.map(({ isRemembered }, at) => isRemembered && ids.doesExist(keys[at]!));
    const needed = encoded.reduce((sum, bytes, at) => sum + (isKnown[at] ? 0 : bytes.length), 0);
    if (needed > 0 && state.bytes + needed > maxBytes)
      return refused(`expected at most ${maxBytes} bytes to wait, got ${state.bytes + needed}`);
    return offers.map(({ isRemembered }, at) => {
      const first = isRemembered ? ids.get(keys[at]!) : undefined;
      if (first) return { number: first.readDoubleLE(0), duplicate: true };
      const bytes = encoded[at]!;
      const number = ++state.lastNumber;
      sealRecord(bytes, number);
      records.putSync(number, bytes, { append: true });
      state.depth++;
      state.bytes += bytes.length;
      if (isRemembered) {
        const value = Buffer.allocUnsafe(8);
        value.writeDoubleLE(number);
        ids.putSync(keys[at]!, value);
        state.ids++;
      }
      return { number, duplicate: false };
    });
  }

  function remove({ number, logSeq }: Confirmed, state: JournalState): void {
    state.confirmedLogSeq = logSeq;
    const bytes = records.getBinaryFast(number)?.length;
    if (bytes === undefined) return;
    records.removeSync(number);
    state.depth--;
    state.bytes -= bytes;
  }

  function keepAside(number: number): void {
    if (knownDamaged.has(number)) return;
    knownDamaged.add(number);
    onDamaged?.(number);
    void root
      .transaction(() => {
        const bytes = records.get(number);
        if (!bytes) return;
        const state = readState();
        damaged.putSync(number, bytes);
        records.removeSync(number);
        state.depth--;
        state.bytes -= bytes.length;
        state.damaged++;
        meta.putSync('state', encodeState(state));
      })
      .catch(() => knownDamaged.delete(number));
  }

  return {
    id,

    async append(offers) {
      if (closing) throw refused('the journal is closed');
      if (offers.length === 0) return [];
      const acceptedAt = now();
      const encoded = offers.map((offer) => encodeOffer(offer, acceptedAt));
      return await new Promise((resolve, reject) => {
        waiting.push({ offers, records: encoded, resolve, reject, outcome: [] });
        pump();
      });
    },

    read(after, limit) {
      const found: JournalRecord[] = [];
      if (limit <= 0) return found;
      for (const { key, value } of records.getRange({ start: after + 1 })) {
        const record = decodeRecord(value);
        if (record) found.push(record);
        else keepAside(key);
        if (found.length === limit) break;
      }
      return found;
    },

    async forget(confirmed) {
      if (confirmed.length === 0) return;
      if (closing) throw refused('the journal is closed');
      await new Promise<void>((resolve, reject) => {
        confirmations.push({ confirmed, resolve, reject });
        pump();
      });
    },

    onAppended(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    status() {
      const state = readState();
      const [oldest] = records.getRange({ limit: 1 });
      return {
        id,
        ...state,
        maxBytes,
        fileBytes: statSync(join(path, 'data.mdb')).size,
        oldestAcceptedAt: oldest && decodeRecord(oldest.value)?.acceptedAt,
      };
    },

    close() {
      closing ??= (async () => {
        clearInterval(poll);
        while (running) await running;
        await root.close();
      })();
      return closing;
    },
  };
}

/** 128 bits of SHA-256: among 20 million ids, two fall together once in 10^24 years of such journals. */
function identityKey(id: string): Uint8Array {
  return hash('sha256', id, 'buffer').subarray(0, 16);
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError('not_accepting', reason, { ...(cause !== undefined && { cause }), retryAfterSeconds: RETRY_AFTER_SECONDS });
}
