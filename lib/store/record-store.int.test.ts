import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import pg from 'pg';
import type { EffectClaim, OnUnknown, ParkedRow, SettleBatch, UnitLease } from '../actor/record-port.ts';
import { openTestBed } from '../dev/test-bed.ts';
import { type Database, openDatabase } from './database.ts';
import { createRecordStore, type RecordStore } from './record-store.ts';

const EMPTY: SettleBatch = { lanes: [], parked: [], unparked: [], effects: [], deadLetters: [], outbox: [], published: [], cleared: [], rows: [] };
const LEASE_MS = 3_000;
const UNIT = { actor: 'slack', partition: 0 };
const LANE = { stream: 'COMMANDS', priority: 'default' } as const;

async function openStore(t: TestContext): Promise<{ store: RecordStore; database: Database; url: string }> {
  const { databaseUrl: url } = await openTestBed(t);
  const database = await openDatabase({ url, applicationName: 'test' });
  const store = createRecordStore(database);
  t.after(async () => {
    await store.close();
    await database.close();
  });
  return { store, database, url };
}

async function take(store: RecordStore, owner: string): Promise<UnitLease> {
  const [lease] = await store.acquire(owner, [UNIT], LEASE_MS);
  assert.ok(lease);
  return lease;
}

const progress = (unit: UnitLease, floor: number, exceptions: number[] = []): SettleBatch => ({ ...EMPTY, lanes: [{ ...LANE, unit, floor, exceptions }] });

const row = (unit: UnitLease, seq: number, more: Partial<ParkedRow> = {}): ParkedRow => ({
  ...LANE,
  ...{ unit, seq, key: 'A', messageId: `m${seq}`, attempts: 0, dueAt: null, because: 'waits', history: [] },
  ...more,
});

const claimOf = (unit: UnitLease, onUnknown: OnUnknown, token: string, id = 'm1/send'): EffectClaim => ({
  ...{ unit, id, messageId: 'm1', name: 'send', token, onUnknown, stream: 'COMMANDS', seq: 1, priority: 'default', key: 'A' },
});

test('a unit has one owner: it is taken free, given back, expired or by the same name, and its epoch rises', async (t) => {
  const { store, database } = await openStore(t);
  const units = [UNIT, { actor: 'slack', partition: 1 }];
  const first = await store.acquire('one', units, LEASE_MS);
  assert.deepEqual(first, units.map((unit) => ({ ...unit, epoch: 1, unclean: false })));
  assert.deepEqual(await store.acquire('two', units, LEASE_MS), []);
  assert.deepEqual(await store.acquire('one', [UNIT], LEASE_MS), [{ ...UNIT, epoch: 2, unclean: true }], 'an earlier life of the same process');
  await store.release([{ ...UNIT, epoch: 2 }]);
  assert.deepEqual(await store.acquire('two', [UNIT], LEASE_MS), [{ ...UNIT, epoch: 3, unclean: false }]);
  await store.release([{ ...UNIT, epoch: 2 }]);
  assert.deepEqual(await store.acquire('one', [UNIT], LEASE_MS), [], 'an old lease hands nothing back');
  await database.query({ text: `update units set lease_until = now() - interval '1 second' where partition = 0` });
  assert.deepEqual(await store.acquire('three', units, LEASE_MS), [{ ...UNIT, epoch: 4, unclean: true }]);
});

test('eight owners that ask at once share the units without overlap', async (t) => {
  const { store } = await openStore(t);
  const units = Array.from({ length: 16 }, (_, partition) => ({ actor: 'slack', partition }));
  const taken = await Promise.all(Array.from({ length: 8 }, (_, owner) => store.acquire(`owner ${owner}`, units, LEASE_MS)));
  assert.deepEqual(taken.flat().map(({ partition }) => partition).sort((a, b) => a - b), units.map(({ partition }) => partition));
});

test('an owner renews an expired lease that nobody took, and none that somebody took', async (t) => {
  const { store, database } = await openStore(t);
  const lease = await take(store, 'one');
  const expire = `update units set lease_until = now() - interval '1 minute'`;
  await database.query({ text: expire });
  assert.deepEqual(await store.renew('one', [lease], LEASE_MS), [{ ...UNIT, epoch: 1 }]);
  assert.deepEqual(await store.acquire('two', [UNIT], LEASE_MS), []);
  await database.query({ text: expire });
  await take(store, 'two');
  assert.deepEqual(await store.renew('one', [lease], LEASE_MS), []);
});

test('an owner with an old epoch writes nothing, and its neighbours in the batch do', async (t) => {
  const { store, database } = await openStore(t);
  const old = await take(store, 'one');
  await database.query({ text: `update units set lease_until = now() - interval '1 second'` });
  const current = await take(store, 'two');
  const [other] = await store.acquire('one', [{ actor: 'slack', partition: 1 }], LEASE_MS);
  assert.ok(other);
  await store.claim([claimOf(current, 'hold', 't1')]);
  const batch: SettleBatch = {
    ...EMPTY,
    lanes: [
      { ...LANE, unit: old, floor: 100, exceptions: [] },
      { ...LANE, unit: other, floor: 7, exceptions: [9] },
    ],
    parked: [row(old, 5)],
    effects: [{ unit: old, id: 'm1/send', state: 'done' }],
    outbox: [{ unit: old, id: 'x', subject: 's', key: 'A', headers: {}, body: Buffer.from('x') }],
    rows: [{ unit: old, row: { kind: 'outcome', messageId: 'm', actor: 'slack', outcome: 'skipped', reason: 'r', at: new Date().toISOString() } }],
  };
  const { refused } = await store.settle(batch);
  assert.deepEqual(refused, [{ ...UNIT, epoch: 1 }]);
  assert.deepEqual(await store.claim([claimOf(old, 'hold', 't2', 'm2/send')]), [{ kind: 'fenced' }]);
  assert.deepEqual((await store.recordStarts([{ unit: old, stream: 'COMMANDS', seq: 1, starts: 1, quarantined: false }])).refused, [{ ...UNIT, epoch: 1 }]);
  const record = await store.load(current);
  assert.deepEqual(record, { lanes: [], waiting: [], suspects: [], outbox: [] });
  assert.deepEqual((await store.load(other)).lanes[0]?.exceptions, [9]);
  assert.deepEqual(await database.query({ text: 'select state from effects' }), [{ state: 'claimed' }]);
  assert.deepEqual(await database.query({ text: 'select from outcomes' }), []);
});

test('a take-over waits for a settling under way; renewing the lease does not', async (t) => {
  const { store, database, url } = await openStore(t);
  const lease = await take(store, 'one');
  // A settling that stands in the middle of its transaction, as the statement's first part leaves it.
  const settling = new pg.Client({ connectionString: url });
  await settling.connect();
  t.after(() => settling.end());
  await settling.query('begin');
  await settling.query('select from units where actor = $1 for key share', [UNIT.actor]);
  assert.deepEqual(await store.renew('one', [lease], 1), [{ ...UNIT, epoch: 1 }]);
  let isTaken = false;
  await database.query({ text: `update units set lease_until = now() - interval '1 second'` });
  const takeOver = take(store, 'two').finally(() => (isTaken = true));
  await waitForLock(database);
  assert.equal(isTaken, false);
  assert.deepEqual(await store.settle(progress(lease, 3)), { refused: [] });
  await settling.query('commit');
  assert.equal((await takeOver).epoch, 2);
  assert.equal((await store.load(await takeOver)).lanes[0]?.floor, 3);
});

test('a settling that meets a take-over under way waits, and is refused', async (t) => {
  const { store, database, url } = await openStore(t);
  const lease = await take(store, 'one');
  const taking = new pg.Client({ connectionString: url });
  await taking.connect();
  t.after(() => taking.end());
  await taking.query('begin');
  await taking.query('update units set epoch = epoch + 1');
  const settling = store.settle(progress(lease, 3));
  await waitForLock(database);
  await taking.query('commit');
  assert.deepEqual(await settling, { refused: [{ ...UNIT, epoch: 1 }] });
});

/** Resolves when some statement of this database waits for a lock. */
async function waitForLock(database: Database): Promise<void> {
  const text = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const deadline = performance.now() + 5_000;
  while ((await database.query({ text })).length === 0) assert.ok(performance.now() < deadline, 'nothing waits for a lock');
}

test('a floor never goes down, and brings its exceptions', async (t) => {
  const { store } = await openStore(t);
  const lease = await take(store, 'one');
  await store.settle(progress(lease, -1));
  for (const [floor, exceptions] of [[10, [12]], [10, [12, 14]], [4, [5]]] as const) await store.settle(progress(lease, floor, [...exceptions]));
  assert.deepEqual((await store.load(lease)).lanes, [{ ...LANE, unit: { ...UNIT, epoch: 1 }, floor: 10, exceptions: [12, 14] }]);
});

test('the ledger decides every claim by the state of its effect', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  const outcome = (id: string, state: 'done' | 'failed' | 'unknown' | 'held', result?: unknown) => store.settle({ ...EMPTY, effects: [{ unit, id, state, result }] });
  let token = 0;
  const claim = async (id: string, rule: OnUnknown) => (await store.claim([claimOf(unit, rule, `t${++token}`, id)]))[0];
  const granted = { kind: 'granted', repeated: false };
  const again = { kind: 'granted', repeated: true };
  const held = { kind: 'held' };

  assert.deepEqual(await claim('done', 'hold'), granted);
  await outcome('done', 'done', { ts: '1' });
  await outcome('done', 'unknown');
  assert.deepEqual(await claim('done', 'repeat'), { kind: 'done', result: { ts: '1' } });

  assert.deepEqual(await claim('failed', 'hold'), granted);
  await outcome('failed', 'failed');
  assert.deepEqual(await claim('failed', 'hold'), granted);

  for (const end of ['claimed', 'unknown'] as const) {
    for (const rule of ['hold', 'repeat'] as const) {
      const id = `${end}, ${rule}`;
      assert.deepEqual(await claim(id, rule), granted);
      if (end === 'unknown') await outcome(id, 'unknown');
      assert.deepEqual(await claim(id, rule), rule === 'hold' ? held : again, id);
      if (end === 'unknown') await outcome(id, 'unknown');
      assert.deepEqual(await claim(id, rule), held, id);
      assert.deepEqual(await claim(id, 'repeat'), held, id);
    }
  }

  assert.deepEqual(await claim('repeat that failed', 'repeat'), granted);
  assert.deepEqual(await claim('repeat that failed', 'repeat'), again);
  await outcome('repeat that failed', 'failed');
  assert.deepEqual(await claim('repeat that failed', 'repeat'), again);
  assert.deepEqual(await claim('repeat that failed', 'repeat'), held);

  const unheard = claimOf(unit, 'hold', 'the same', 'unheard');
  assert.deepEqual(await store.claim([unheard]), [granted]);
  assert.deepEqual(await store.claim([unheard, unheard]), [granted, granted]);
  assert.deepEqual(await store.claim([claimOf(unit, 'hold', 'a', 'twice'), claimOf(unit, 'hold', 'b', 'twice')]), [granted, held]);
});

test('parked rows come back in order behind their head, and leave when they end', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  const dueAt = Date.now() + 5_000;
  const history = [{ attempt: 1, at: '2026-11-22T00:00:00.000Z', because: 'boom' }];
  const head = row(unit, 1, { attempts: 1, dueAt, history });
  await store.settle({ ...EMPTY, parked: [row(unit, 3), head, row(unit, 2), row(unit, 9, { key: 'B' })] });
  await store.settle({ ...EMPTY, parked: [row(unit, 4), row(unit, 5)], unparked: [{ unit, stream: LANE.stream, seq: 5 }] });
  const { waiting } = await store.load(unit);
  const plain = (rows: ParkedRow[]) => rows.map(({ seq }) => seq);
  assert.deepEqual(waiting.map(({ head: { seq, key }, behind }) => ({ seq, key, behind })), [
    { seq: 1, key: 'A', behind: 3 },
    { seq: 9, key: 'B', behind: 0 },
  ]);
  assert.deepEqual(waiting[0]?.head, { ...head, unit: { ...UNIT, epoch: 1 } });
  assert.deepEqual(plain(await store.parkedRows(unit, LANE, 'A', 2)), [1, 2]);
  await store.settle({ ...EMPTY, unparked: [{ unit, stream: LANE.stream, seq: 1 }], parked: [row(unit, 2, { attempts: 3, dueAt })] });
  assert.deepEqual(plain(await store.parkedRows(unit, LANE, 'A', 10)), [2, 3, 4]);
  assert.equal((await store.load(unit)).waiting[0]?.head.attempts, 3);
});

test('the outbox keeps the order and the bytes, and a published copy leaves its address', async (t) => {
  const { store, database } = await openStore(t);
  const unit = await take(store, 'one');
  const at = '2026-11-22T00:00:00.000Z';
  const emit = (id: string, body: Uint8Array) => ({ unit, id, subject: 's', key: 'A', headers: { 'Vis-Run': 'r' }, body });
  const death = { unit, id: 'slack:m1:0', messageId: 'm1', round: 0, eventKey: 'A', priority: 'default', reason: 'refused', because: 'no' } as const;
  await store.settle({
    ...EMPTY,
    outbox: [emit('b', Buffer.from([0, 255, 10])), emit('a', Buffer.alloc(0)), { unit, id: death.id, subject: 'dead', key: 'A', headers: {}, copyOf: { stream: 'COMMANDS', seq: 7 } }],
    deadLetters: [{ ...death, detail: { answer: 'no' }, history: [], stream: 'COMMANDS', seq: 7, run: 'r', step: 's', at }],
  });
  await store.settle({ ...EMPTY, outbox: [emit('a', Buffer.from('again')), emit('c', Buffer.from('c'))] });
  const { outbox } = await store.load(unit);
  assert.deepEqual(outbox.map(({ id }) => id), ['b', 'a', death.id, 'c']);
  assert.deepEqual(outbox.map((entry) => ('body' in entry ? [...entry.body] : entry.copyOf)), [[0, 255, 10], [], { stream: 'COMMANDS', seq: 7 }, [99]]);
  await store.settle({ ...EMPTY, published: ['a', 'b', death.id].map((id, n) => ({ unit, id, seq: 40 + n })) });
  assert.deepEqual((await store.load(unit)).outbox.map(({ id }) => id), ['c']);
  assert.deepEqual(await database.query({ text: 'select id, copy_seq, status from dead_letters' }), [{ id: death.id, copy_seq: 42, status: 'open' }]);
});

test('what PostgreSQL cannot hold poisons no batch', async (t) => {
  const { store, database } = await openStore(t);
  const unit = await take(store, 'one');
  let deep: unknown = 1;
  for (let n = 0; n < 20_000; n++) deep = [deep];
  const poison = 'a\0b\ud800';
  const detail = { [poison]: poison, big: 1e308, huge: Infinity, n: 2n ** 80n, deep };
  const { refused } = await store.settle({
    ...EMPTY,
    lanes: [{ ...LANE, unit, floor: 5, exceptions: [] }],
    parked: [row(unit, 6, { key: poison.repeat(3_000), because: poison, history: [{ attempt: 1, at: 'never', because: poison, detail }] })],
    deadLetters: [
      { unit, id: poison, messageId: poison, round: 0, eventKey: poison, priority: 'default', reason: 'invalid', because: poison, detail, history: [], stream: 'COMMANDS', seq: 7, run: null, step: null, at: 'yesterday' },
    ],
    outbox: [{ unit, id: poison, subject: 's', key: poison, headers: { poison }, body: Buffer.from('x') }],
    rows: [
      { unit, row: { kind: 'event', id: 'e', stream: 'EVENTS', seq: 1, source: poison, type: poison, key: poison.repeat(3_000), priority: 'default', receivedAt: '+999999', size: 1, fate: 'routed' } },
      { unit, row: { kind: 'step', run: 'r', path: 'p', position: 0, type: 't', status: 'done', commandId: 'c', generation: '', version: 1, output: detail, error: null, deadLetterId: null, startedAt: poison, endedAt: poison } },
    ],
  });
  assert.deepEqual(refused, []);
  assert.equal((await store.load(unit)).lanes[0]?.floor, 5);
  assert.equal((await store.parkedRows(unit, LANE, poison.repeat(3_000), 1)).length, 1);
  const [step] = await database.query<{ output: { big: number; n: string } }>({ text: 'select output from steps' });
  assert.equal(step?.output.big, 1e308);
  assert.equal(step.output.n, (2n ** 80n).toString());
});

test('a recorded row of an unknown kind is an error, and nothing is written', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  await assert.rejects(store.settle({ ...progress(unit, 3), rows: [{ unit, row: { kind: 'secret' } }] }), { name: 'TypeError', message: /"secret"/ });
  assert.deepEqual((await store.load(unit)).lanes, []);
});

test('suspects are remembered until they are cleared', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  const start = { unit: { ...UNIT, epoch: 1 }, stream: 'COMMANDS', seq: 4 };
  await store.recordStarts([{ ...start, starts: 1, quarantined: false }]);
  await store.recordStarts([{ ...start, starts: 2, quarantined: true }]);
  assert.deepEqual((await store.load(unit)).suspects, [{ ...start, starts: 2, quarantined: true }]);
  await store.settle({ ...EMPTY, cleared: [start] });
  assert.deepEqual((await store.load(unit)).suspects, []);
});

test('a row that a person parked is handed to each owner once', async (t) => {
  const { store, database } = await openStore(t);
  const unit = await take(store, 'one');
  await database.query({
    text: `insert into parked (actor, partition, stream, seq, priority, key, message_id, attempts, due_at, because, adopted)
      values ('slack', 0, 'DEAD_LETTERS', 3, 'default', 'A', 'm', 0, now(), 'redelivered', false)`,
  });
  assert.deepEqual((await store.load(unit)).waiting, []);
  assert.deepEqual((await store.adopt([unit])).map(({ stream, seq, unit: { epoch } }) => ({ stream, seq, epoch })), [{ stream: 'DEAD_LETTERS', seq: 3, epoch: 1 }]);
  assert.deepEqual(await store.adopt([unit]), []);
  await store.release([unit]);
  const next = await take(store, 'two');
  assert.deepEqual(await store.adopt([unit]), [], 'the last owner gets none');
  const [adopted] = await store.adopt([next]);
  assert.ok(adopted);
  await store.settle({ ...EMPTY, parked: [{ ...adopted, key: 'A/B', attempts: 1 }] });
  assert.deepEqual((await store.load(next)).waiting.map(({ head }) => head.key), ['A/B']);
  await store.release([next]);
  assert.deepEqual(await store.adopt([await take(store, 'three')]), [], 'parked anew it comes with the record');
});

test('a broken connection is transient, a wrong statement is not, and the lease connection comes back', async (t) => {
  const { store, database } = await openStore(t);
  const lease = await take(store, 'one');
  await store.renew('one', [lease], LEASE_MS);
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await database.query({ text: cut });
  const renewed = await store.renew('one', [lease], LEASE_MS).catch((error: unknown) => {
    assert.ok(store.isTransient(error), String(error));
    return store.renew('one', [lease], LEASE_MS);
  });
  assert.equal(renewed.length, 1);
  const broken = await database.query({ text: 'select pg_terminate_backend(pg_backend_pid())' }).catch((error: unknown) => error);
  assert.ok(store.isTransient(broken), String(broken));
  for (const text of ['select 1/0', 'selekt', `insert into units values (null, 1, '', 1)`]) {
    const error = await database.query({ text }).catch((caught: unknown) => caught);
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(store.isTransient(error), false, text);
  }
  assert.equal(store.isTransient(new TypeError('x')), false);
});
