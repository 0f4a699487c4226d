import type { RecordPort, SettleBatch, SuspectStart, UnitLease } from '../actor/record-port.ts';
import { claimEffects } from './claim.ts';
import { isTransient } from './database-error.ts';
import type { Database } from './database.ts';
import { fencedStatement, SELECT_REFUSED, type StatementPart } from './fenced-statement.ts';
import { Adoption } from './adoption.ts';
import { dueTimers } from './due-timers.ts';
import { removeMember, surveyUnits } from './members.ts';
import { loadParkedRows, loadUnit } from './load-unit.ts';
import { grantReplay, nextRound, openReplayParts, recordReset, replayPart } from './replay-lanes.ts';
import { loadStates, stateParts } from './actor-states.ts';
import { recordParts, unitOf } from './settle-record.ts';
import { handlerParts } from './settle-rows.ts';
import { acquireUnits, LeaseRenewal, releaseUnits } from './units.ts';

/** The lanes' record in PostgreSQL. `close` ends its own connection only; the database is its opener's. */
export interface RecordStore extends RecordPort {
  close(): Promise<void>;
}

/**
 * Does no I/O yet. Every call rejects with an error for which `isTransient` says whether the same call may be tried again; all
 * of them may be: what a first try had written a second one writes again.
 */
export function createRecordStore(database: Database): RecordStore {
  const renewal = new LeaseRenewal(database.options);
  const settling = database.line();
  const claiming = database.line();
  const adoption = new Adoption(database);
  return {
    acquire: (owner, units, leaseMs) => acquireUnits(database, owner, units, leaseMs),
    renew: (owner, leases, leaseMs) => renewal.renew(owner, leases, leaseMs),
    survey: (actors) => surveyUnits(database, actors),
    leave: (member) => removeMember(database, member),
    release: (leases) => releaseUnits(database, leases),
    load: (lease) => loadUnit(database, lease),
    settle: (batch) => settle(settling, batch),
    isTransient,
    claim: (claims) => claimEffects(claiming, claims),
    recordStarts: (starts) => recordStarts(database, starts),
    parkedRows: (lease, lane, key, limit) => loadParkedRows(database, lease, lane, key, limit),
    dueTimers: (leases, nowMs, limit) => dueTimers(database, leases, nowMs, limit),
    adopt: (leases) => adoption.adopt(leases),
    replays: (leases) => openReplayParts(database, leases),
    recordReset: (reset) => recordReset(database, reset),
    grantReplay: (replay, wanted) => grantReplay(database, replay, wanted),
    loadStates: (ids) => loadStates(database, ids),
    nextRound: (actor, messageId) => nextRound(database, actor, messageId),
    close: () => renewal.close(),
  };
}

async function settle(database: Pick<Database, 'query'>, batch: SettleBatch): Promise<{ refused: UnitLease[] }> {
  const { rows, ...record } = batch;
  const units = [...Object.values(record).flat(), ...rows].map(({ unit }) => unit);
  if (units.length === 0) return { refused: [] };
  const parts = [...recordParts(batch), replayPart(batch.replays), ...stateParts(batch.states), ...handlerParts(rows)];
  return { refused: await database.query<UnitLease>(fencedStatement('settle', units, parts, SELECT_REFUSED)) };
}

const STARTS: StatementPart = {
  name: 'start',
  columns: 'stream text, seq bigint, starts int, quarantined boolean',
  write: `
start_write as (
  insert into suspects (actor, partition, stream, seq, starts, quarantined)
  select actor, partition, stream, seq, starts, quarantined from start
  on conflict (actor, partition, stream, seq) do update set starts = excluded.starts, quarantined = excluded.quarantined
)`,
};

async function recordStarts(database: Database, starts: readonly SuspectStart[]): Promise<{ refused: UnitLease[] }> {
  if (starts.length === 0) return { refused: [] };
  const rows = starts.map(({ unit, stream, seq, starts: count, quarantined }) => ({
    ...unitOf(unit),
    stream,
    seq,
    starts: count,
    quarantined,
  }));
  const units = starts.map(({ unit }) => unit);
  return { refused: await database.query<UnitLease>(fencedStatement('starts', units, [{ part: STARTS, rows }], SELECT_REFUSED)) };
}
