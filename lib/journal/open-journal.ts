import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { AppError } from '../core/app-error.ts';
import type { JournalMetrics } from '../telemetry/door-metrics.ts';
import { createDiskReserve } from './disk-reserve.ts';
import { ensureState, openEnvironment, readState, writeState, type Environment } from './environment.ts';
import { failPoint } from './fail-point.ts';
import { createGroupCommit } from './group-commit.ts';
import { DEFAULT_MAX_IDS, ID_MAX_AGE_MS, identityKey, pruneIdentities, type IdentityLimits } from './identity-set.ts';
import type { Appended, Journal, JournalOffer, JournalRecord, JournalStatus } from './journal.ts';
import { claimJournal } from './journal-owner.ts';
import { emptyState, type JournalState } from './journal-state.ts';
import { journalStatus } from './journal-status.ts';
import { RecentRecords } from './recent-records.ts';
import { decodeRecord, encodeOffer } from './record-codec.ts';
import { keepAside, removeRecords, storeRecords, type ReadyOffer } from './record-table.ts';
import { rescueJournal, syncFolder, type Rescue } from './rescue.ts';
import { transact } from './transact.ts';

export interface JournalOptions {
  /** The folder of the journal; made where it is not there. */
  readonly path: string;
  /** Bytes of records that may wait; above it, appends are refused. */
  readonly maxBytes: number;
  /** How long identities are remembered, and how many. Default: 8 days and 10 million. */
  readonly identities?: Partial<IdentityLimits>;
  /** Wall clock, milliseconds since the epoch. Default: the system's. */
  readonly now?: () => number;
  readonly metrics?: JournalMetrics;
  /** Told of every record whose checksum does not fit, once. It is kept aside, and the others go on. */
  readonly onDamaged?: (number: number) => void;
  /** Told where the whole file was damaged: what was saved from it lies in a new one. */
  readonly onRescued?: (rescue: Rescue) => void;
  /** Told once when the file cannot be written any more by this process, and nobody can say why: it has to start anew. */
  readonly onStuck?: () => void;
}

/** How soon another process's writes are noticed. */
const FOREIGN_WRITE_POLL_MS = 500;

/** The relay makes room in about a second where the log is back. */
const RETRY_AFTER_SECONDS = 5;

/** After a failed commit offers are refused without trying for this long, so that a full disk costs no more than two tries a second. */
const PAUSE_MS = 500;

/** A reserve that was given back is taken again when there is room: asked this often. */
const RESERVE_RETRY_MS = 10_000;

/** No disk flushes for half a minute and goes on. */
const STUCK_MS = 30_000;

/**
 * Opens the journal for its one owner. Where its file is damaged, what is readable is taken over into a new one.
 * @throws AppError `start_failed` where another process owns it, or the folder cannot be written
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { path, onRescued } = options;
  try {
    mkdirSync(path, { recursive: true });
    const owner = claimJournal(path);
    try {
      const rescue = await rescueJournal(path, owner.isAfterCleanStop);
      if (rescue) onRescued?.(rescue);
      const journal = await runJournal(openEnvironment(path), options, owner.release);
      for (const folder of [path, dirname(path)]) syncFolder(folder);
      return journal;
    } catch (error) {
      owner.release();
      throw error;
    }
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('start_failed', `expected to open the journal ${path}`, { cause: error });
  }
}

async function runJournal(environment: Environment, options: JournalOptions, release: () => void): Promise<Journal> {
  const { path, maxBytes, now = Date.now, metrics, onDamaged, onStuck } = options;
  const limits = { maxAgeMs: ID_MAX_AGE_MS, maxCount: DEFAULT_MAX_IDS, ...options.identities };
  const reserve = createDiskReserve(path);
  const write = (callback: () => void) => transact(environment, callback, { deadlineMs: STUCK_MS, onStuck: () => onStuck?.() });
  let id = '';
  await write(() => void (id = ensureState(environment)));
  reserve.take();

  const listeners = new Set<() => void>();
  const setAside = new Set<number>();
  let lastSeen = readState(environment).state.lastNumber;
  const recent = new RecentRecords(lastSeen);
  let closing: Promise<void> | undefined;
  let lastStatus: JournalStatus | undefined;
  let pausedUntil = 0;
  let reserveDueAt: number | undefined;

  // Of the transaction that is under way.
  let state: JournalState = emptyState();
  let remembered = 0;
  let writtenAt = 0;

  const commits = createGroupCommit({
    transact: write,
    before() {
      state = readState(environment).state;
      remembered = state.ids;
    },
    after() {
      pruneIdentities(environment, state, limits, now(), state.ids - remembered);
      state.commits += 1;
      writeState(environment, id, state);
      writtenAt = performance.now();
    },
    committed(changes) {
      metrics?.commitSeconds.observe((performance.now() - writtenAt) / 1_000);
      metrics?.batchSize.observe(changes);
      if (reserveDueAt !== undefined && performance.now() > reserveDueAt) reserveDueAt = reserve.take() ? undefined : nextReserve();
      notice(state.lastNumber);
    },
    failed() {
      metrics?.failedCommits.inc();
      pausedUntil = performance.now() + PAUSE_MS;
    },
    releaseReserve() {
      reserveDueAt = nextReserve();
      reserve.release();
    },
  });

  const poll = setInterval(() => {
    const { lastNumber } = readState(environment).state;
    if (lastNumber > lastSeen) recent.clear(lastNumber);
    notice(lastNumber);
  }, FOREIGN_WRITE_POLL_MS);
  poll.unref();

  function notice(lastNumber: number): void {
    if (lastNumber <= lastSeen) return;
    lastSeen = lastNumber;
    for (const listener of listeners) listener();
  }

  function moveAside(number: number): void {
    if (setAside.has(number) || closing) return;
    setAside.add(number);
    onDamaged?.(number);
    commits.add({
      frees: false,
      apply: () => void keepAside(environment, state, number),
      committed: () => {},
      failed: () => void setAside.delete(number),
    });
  }

  const journal: Journal = {
    id,

    append(offers) {
      if (closing) return Promise.reject(refused('the journal is closed'));
      if (offers.length === 0) return Promise.resolve([]);
      if (performance.now() < pausedUntil) return Promise.reject(refused('the journal could not be written a moment ago'));
      const acceptedAt = now();
      const ready = offers.map((offer) => makeReady(offer, acceptedAt));
      return new Promise((resolve, reject) => {
        let appended: readonly Appended[] | undefined;
        commits.add({
          frees: false,
          apply() {
            failPoint('accept.before-transaction');
            appended = storeRecords(environment, state, ready, acceptedAt, maxBytes);
            failPoint('accept.written');
          },
          committed() {
            failPoint('accept.committed');
            if (appended) {
              for (const [index, { number, duplicate }] of appended.entries())
                if (!duplicate) recent.add({ number, acceptedAt, emit: offers[index]!.emit });
              resolve(appended);
            } else reject(refused(`expected at most ${maxBytes} bytes to wait in the journal, got more`));
          },
          failed: (error) => reject(refused('the journal could not be written', error)),
        });
      });
    },

    read(after, limit) {
      const found: JournalRecord[] = [];
      if (limit <= 0 || lastStatus || after >= lastSeen) return found;
      const stored = recent.read(after, limit);
      if (stored !== undefined) return stored;
      for (const { key, value } of environment.records.getRange({ start: after + 1 })) {
        const record = decodeRecord(value);
        if (record?.number === key) found.push(record);
        else moveAside(key);
        if (found.length === limit) break;
      }
      return found;
    },

    forget(confirmed) {
      if (closing) return Promise.reject(refused('the journal is closed'));
      if (confirmed.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        commits.add({
          frees: true,
          apply() {
            removeRecords(environment, state, confirmed);
            failPoint('relay.removed');
          },
          committed() {
            recent.forget(confirmed);
            resolve();
          },
          failed: (error) => reject(refused('the journal could not be written', error)),
        });
      });
    },

    onAppended(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    status: () => lastStatus ?? journalStatus(environment, path, maxBytes),

    close() {
      closing ??= (async () => {
        clearInterval(poll);
        await commits.settled();
        lastStatus = journal.status();
        await environment.root.close();
        release();
      })();
      return closing;
    },
  };
  metrics?.observe(journal.status);
  return journal;
}

function makeReady({ emit, isRemembered }: JournalOffer, acceptedAt: number): ReadyOffer {
  return { bytes: encodeOffer({ emit, isRemembered }, acceptedAt), key: isRemembered ? identityKey(emit.id) : undefined };
}

function nextReserve(): number {
  return performance.now() + RESERVE_RETRY_MS;
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError('not_accepting', reason, { ...(cause !== undefined && { cause }), retryAfterSeconds: RETRY_AFTER_SECONDS });
}
