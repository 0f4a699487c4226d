import { hash } from 'node:crypto';

import type { Environment } from './environment.ts';
import type { JournalState } from './journal-state.ts';

export interface IdentityLimits {
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

/**
 * Identities are remembered for eight days: GitHub lets a person redeliver for 3 days, Stripe and Shopify retry for up to 3 days
 * and two, Svix for 28 hours; a week and a day more covers a person who sends again after a weekend.
 */
export const ID_MAX_AGE_MS = 8 * 24 * 3_600_000;

/**
 * About 100 bytes each on the disk (measured: 90 in the trees, the rest in pages that are free at the moment), so a gigabyte. 14 events a second
 * for 8 days, or 300 a second for 9 hours. After a crash the check of the file takes half a second for each million.
 */
export const DEFAULT_MAX_IDS = 10_000_000;

/** 128 bits of SHA-256. Among 10 million, two fall together with a chance of one in 10^24. */
const HASH_BYTES = 16;

const NUMBER_BYTES = 8;

/**
 * Identities that one transaction may forget: at least as many as it can remember, or they would never become fewer; at most so
 * many that it takes about a millisecond.
 */
const PRUNE_PER_TRANSACTION = 200;
const PRUNE_PER_NEW = 2;

const numberScratch = Buffer.alloc(NUMBER_BYTES);
const orderScratch = Buffer.alloc(NUMBER_BYTES + HASH_BYTES);

export function identityKey(id: string): Buffer {
  return hash('sha256', id, 'buffer').subarray(0, HASH_BYTES);
}

/** The number of the record that had this identity first; undefined where none is remembered. */
export function findIdentity({ ids }: Environment, key: Buffer): number | undefined {
  return ids.getBinaryFast(key)?.readDoubleLE(0);
}

/** Inside a transaction, for an identity that is not remembered. */
export function rememberIdentity(environment: Environment, state: JournalState, key: Buffer, number: number, now: number): void {
  numberScratch.writeDoubleLE(number);
  environment.ids.putSync(key, numberScratch);
  orderScratch.writeDoubleLE(now);
  key.copy(orderScratch, NUMBER_BYTES);
  environment.idOrder.putSync(number, orderScratch, { append: true });
  state.ids += 1;
}

/** Forgets those that are too old or too many, oldest first, a few at a time. Inside a transaction. @returns whether more are due */
export function pruneIdentities(
  { ids, idOrder }: Environment,
  state: JournalState,
  { maxAgeMs, maxCount }: IdentityLimits,
  now: number,
  remembered: number,
): boolean {
  if (state.ids === 0) return false;
  const limit = Math.max(PRUNE_PER_TRANSACTION, remembered * PRUNE_PER_NEW);
  const due: { key: number; value: Buffer }[] = [];
  for (const entry of idOrder.getRange({ limit })) {
    if (state.ids - due.length <= maxCount && entry.value.readDoubleLE(0) > now - maxAgeMs) break;
    due.push(entry);
  }
  for (const { key, value } of due) {
    ids.removeSync(value.subarray(NUMBER_BYTES));
    idOrder.removeSync(key);
  }
  state.ids -= due.length;
  return due.length === limit;
}
