import { isBroken } from '../core/guards.ts';
import type { Environment } from './environment.ts';
import { findIdentity, rememberIdentity } from './identity-set.ts';
import type { Appended, Confirmed } from './journal.ts';
import type { JournalState } from './journal-state.ts';
import { sealRecord } from './record-codec.ts';

/** What is written about records inside one transaction. Each function changes the state that goes into the same transaction. */

/** An offer made ready before its transaction, while an earlier one is being flushed. */
export interface ReadyOffer {
  readonly bytes: Buffer;
  /** Hash of its identity; undefined where none is remembered. */
  readonly key: Buffer | undefined;
}

/** Stores all of them or none. @returns undefined where they would make more bytes wait than `maxBytes` */
export function storeRecords(
  environment: Environment,
  state: JournalState,
  offers: readonly ReadyOffer[],
  now: number,
  maxBytes: number,
): readonly Appended[] | undefined {
  if (state.bytes + newBytes(environment, offers, state.bytes, maxBytes) > maxBytes) return undefined;
  return offers.map(({ bytes, key }) => {
    const first = key && findIdentity(environment, key);
    if (first !== undefined && !isBroken('dedupe')) return { number: first, duplicate: true };
    const number = putNext(environment, state, bytes);
    state.depth += 1;
    state.bytes += bytes.length;
    if (key) rememberIdentity(environment, state, key, number, now);
    return { number, duplicate: false };
  });
}

/**
 * LMDB refuses a number that is not the highest by nothing but `false`: what is not put would be accepted and lost. A file in which a record lies
 * above its own count is one that something else has written.
 */
function putNext({ records }: Environment, state: JournalState, bytes: Buffer): number {
  for (let tries = 0; tries < 2; tries += 1) {
    state.lastNumber += 1;
    sealRecord(bytes, state.lastNumber);
    // Declared as nothing, and a boolean.
    const isStored: unknown = records.putSync(state.lastNumber, bytes, { append: true });
    if (isStored === true) return state.lastNumber;
    const [highest = 0] = records.getKeys({ reverse: true, limit: 1 });
    state.lastNumber = Math.max(state.lastNumber, highest);
  }
  throw new Error(`expected to store a record under the number ${state.lastNumber}, got a refusal`);
}

/** Duplicates are looked up beforehand only where it matters: they are answered by a full journal too. */
function newBytes(environment: Environment, offers: readonly ReadyOffer[], waiting: number, maxBytes: number): number {
  const all = offers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (waiting + all <= maxBytes) return all;
  const seen = new Set<string>();
  return offers.reduce((sum, { bytes, key }) => {
    if (key === undefined) return sum + bytes.length;
    const text = key.toString('latin1');
    if (seen.has(text) || findIdentity(environment, key) !== undefined) return sum;
    seen.add(text);
    return sum + bytes.length;
  }, 0);
}

/** Removes what the log has. A number that does not wait is passed over. */
export function removeRecords(environment: Environment, state: JournalState, confirmed: readonly Confirmed[]): void {
  for (const { number, logSeq } of confirmed) {
    state.confirmedLogSeq = logSeq;
    take(environment, state, number);
  }
  state.floor = firstNumber(environment) ?? state.lastNumber + 1;
}

/** Moves a record whose checksum does not fit out of the way, bytes and all. @returns whether it was still there */
export function keepAside(environment: Environment, state: JournalState, number: number): boolean {
  const bytes = environment.records.get(number);
  if (!bytes) return false;
  environment.damaged.putSync(number, bytes);
  take(environment, state, number);
  state.damaged += 1;
  state.floor = firstNumber(environment) ?? state.lastNumber + 1;
  return true;
}

function take({ records }: Environment, state: JournalState, number: number): void {
  const length = records.getBinaryFast(number)?.length;
  if (length === undefined) return;
  records.removeSync(number);
  state.depth -= 1;
  state.bytes -= length;
}

function firstNumber({ records }: Environment): number | undefined {
  const [first] = records.getKeys({ limit: 1 });
  return first;
}
