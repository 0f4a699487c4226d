import assert from 'node:assert/strict';
import test from 'node:test';
import pg from 'pg';
import type { SettleBatch } from '../actor/record-port.ts';
import { spanFrom } from '../core/settled-span.ts';
import { claimOf, EMPTY, LANE, LEASE_MS, memberOf, openStore, parkedRow, progress, take, UNIT, waitForLock } from './test-store.ts';

test('a unit has one owner: it is taken free, given back, expired or by the same name, and its epoch rises', async (t) => {
  const { store, database } = await openStore(t);
  const units = [UNIT, { actor: 'slack', partition: 1 }];
  const first = await store.acquire('one', units, LEASE_MS);
  assert.deepEqual(
    first,
    units.map((unit) => ({ ...unit, epoch: 1, unclean: false })),
  );
  assert.deepEqual(await store.acquire('two', units, LEASE_MS), []);
  assert.deepEqual(
    await store.acquire('one', [UNIT], LEASE_MS),
    [{ ...UNIT, epoch: 2, unclean: true }],
    'an earlier life of the same process',
  );
  await store.release([{ ...UNIT, epoch: 2 }]);
  assert.deepEqual(await store.acquire('two', [UNIT], LEASE_MS), [{ ...UNIT, epoch: 3, unclean: false }]);
  await store.release([{ ...UNIT, epoch: 2 }]);
  assert.deepEqual(await store.acquire('one', [UNIT], LEASE_MS), [], 'an old lease hands nothing back');
  await database.query({ text: `update units set lease_until = now() - interval '1 second' where partition = 0` });
  assert.deepEqual(await store.acquire('three', units, LEASE_MS), [{ ...UNIT, epoch: 4, unclean: true }]);
});

test('eight owners that ask at once share the units without overlap', async (t) => {
  const { store } = await openStore(t);
  // New units each time: whose row is inserted first is a race that few rounds do not show.
  for (let round = 0; round < 150; round++) {
    const units = Array.from({ length: 16 }, (_, partition) => ({ actor: `actor ${round}`, partition }));
    const taken = await Promise.all(Array.from({ length: 8 }, (_, owner) => store.acquire(`owner ${owner}`, units, LEASE_MS)));
    assert.deepEqual(
      taken
        .flat()
        .map(({ partition }) => partition)
        .sort((a, b) => a - b),
      units.map(({ partition }) => partition),
    );
  }
});

test('an owner renews an expired lease that nobody took, and none that somebody took', async (t) => {
  const { store, database } = await openStore(t);
  const lease = await take(store, 'one');
  const expire = `update units set lease_until = now() - interval '1 minute'`;
  await database.query({ text: expire });
  assert.deepEqual(await store.renew(memberOf('one'), [lease], LEASE_MS), [{ ...UNIT, epoch: 1 }]);
  assert.deepEqual(await store.acquire('two', [UNIT], LEASE_MS), []);
  await database.query({ text: expire });
  await take(store, 'two');
  assert.deepEqual(await store.renew(memberOf('one'), [lease], LEASE_MS), []);
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
      { ...LANE, unit: old, ...spanFrom(100), consumerCreated: null },
      { ...LANE, unit: other, floor: 7, highest: 9, open: [8], consumerCreated: null },
    ],
    parked: [parkedRow(old, 5)],
    effects: [{ unit: old, id: 'm1/send', state: 'done' }],
    states: [{ unit: old, eventKey: 'A', key: 'A', state: { version: 1, json: '{}' }, messageId: 'm', stream: 'COMMANDS', seq: 5 }],
    outbox: [{ unit: old, id: 'x', subject: 's', key: 'A', headers: {}, body: Buffer.from('x') }],
    rows: [
      {
        unit: old,
        row: { kind: 'outcome', messageId: 'm', actor: 'slack', outcome: 'skipped', reason: 'r', at: new Date().toISOString() },
      },
    ],
  };
  const { refused } = await store.settle(batch);
  assert.deepEqual(refused, [{ ...UNIT, epoch: 1 }]);
  assert.deepEqual(await store.claim([claimOf(old, 'hold', 't2', 'm2/send')]), [{ kind: 'fenced' }]);
  assert.deepEqual((await store.recordStarts([{ unit: old, stream: 'COMMANDS', seq: 1, starts: 1, quarantined: false }])).refused, [
    { ...UNIT, epoch: 1 },
  ]);
  const record = await store.load(current);
  assert.deepEqual(record, { lanes: [], waiting: [], suspects: [], outbox: [] });
  assert.deepEqual((await store.load(other)).lanes[0]?.open, [8]);
  assert.deepEqual(await database.query({ text: 'select state from effects' }), [{ state: 'claimed' }]);
  assert.deepEqual(await database.query({ text: 'select from outcomes' }), []);
  assert.deepEqual(await database.query({ text: 'select from actor_states' }), []);
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
  assert.deepEqual(await store.renew(memberOf('one'), [lease], 1), [{ ...UNIT, epoch: 1 }]);
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

test('a broken connection and a wrong database are transient, wrong content is not, and the lease connection comes back', async (t) => {
  const { store, database } = await openStore(t);
  const lease = await take(store, 'one');
  await store.renew(memberOf('one'), [lease], LEASE_MS);
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await database.query({ text: cut });
  const renewed = await store.renew(memberOf('one'), [lease], LEASE_MS).catch((error: unknown) => {
    assert.ok(store.isTransient(error), String(error));
    return store.renew(memberOf('one'), [lease], LEASE_MS);
  });
  assert.equal(renewed.length, 1);
  const broken = await database.query({ text: 'select pg_terminate_backend(pg_backend_pid())' }).catch((error: unknown) => error);
  assert.ok(store.isTransient(broken), String(broken));
  const statements = {
    'select 1/0': false,
    "insert into units values (null, 1, '', 1)": false,
    [`insert into runs (id) values (repeat(gen_random_uuid()::text, 500))`]: false,
    'select * from not_there_yet': true,
  };
  for (const [text, expected] of Object.entries(statements)) {
    const error = await database.query({ text }).catch((caught: unknown) => caught);
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(store.isTransient(error), expected, `${text}: ${error.code}`);
  }
  assert.equal(store.isTransient(new TypeError('x')), false);
});
