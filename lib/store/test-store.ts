import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { EffectClaim, Member, OnUnknown, ParkedRow, SettleBatch, UnitLease } from '../actor/record-port.ts';
import { openTestBed } from '../dev/test-bed.ts';
import { type Database, openDatabase } from './database.ts';
import { createRecordStore, type RecordStore } from './record-store.ts';

/** What the tests of the record stand on. */
export const EMPTY: SettleBatch = {
  lanes: [],
  parked: [],
  unparked: [],
  effects: [],
  deadLetters: [],
  outbox: [],
  published: [],
  cleared: [],
  rows: [],
  replays: [],
  states: [],
};
export const LEASE_MS = 3_000;
export const UNIT = { actor: 'slack', partition: 0 };
export const LANE = { stream: 'COMMANDS', priority: 'default' } as const;

export async function openStore(t: TestContext): Promise<{ store: RecordStore; database: Database; url: string; natsUrl: string }> {
  const { databaseUrl: url, natsUrl } = await openTestBed(t);
  const database = await openDatabase({ url, applicationName: 'test', allowUnsafe: true });
  const store = createRecordStore(database);
  t.after(async () => {
    await store.close();
    await database.close();
  });
  return { store, database, url, natsUrl };
}

export function memberOf(name: string, nonce = 'n1', actors: readonly string[] = ['slack']): Member {
  return { name, nonce, actors };
}

export async function take(store: RecordStore, owner: string): Promise<UnitLease> {
  const [lease] = await store.acquire(owner, [UNIT], LEASE_MS);
  assert.ok(lease);
  return lease;
}

export const progress = (unit: UnitLease, floor: number, open: number[] = []): SettleBatch => ({
  ...EMPTY,
  lanes: [{ ...LANE, unit, floor, highest: Math.max(floor, ...open), open, consumerCreated: null }],
});

/** A message that waits. */
export const parkedRow = (unit: UnitLease, seq: number, more: Partial<ParkedRow> = {}): ParkedRow => ({
  ...LANE,
  unit,
  seq,
  key: 'A',
  messageId: `m${seq}`,
  attempts: 0,
  dueAt: null,
  because: 'waits',
  history: [],
  ...more,
});

export const claimOf = (unit: UnitLease, onUnknown: OnUnknown, token: string, id = 'm1/send'): EffectClaim => ({
  unit,
  id,
  messageId: 'm1',
  name: 'send',
  token,
  onUnknown,
  stream: 'COMMANDS',
  seq: 1,
  priority: 'default',
  key: 'A',
});

/** Resolves when some statement of this database waits for a lock. */
export async function waitForLock(database: Database): Promise<void> {
  const text = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const deadline = performance.now() + 30_000;
  while ((await database.query({ text })).length === 0) assert.ok(performance.now() < deadline, 'nothing waits for a lock');
}
