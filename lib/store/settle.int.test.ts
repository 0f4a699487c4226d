import assert from 'node:assert/strict';
import test from 'node:test';
import type { ParkedRow } from '../actor/record-port.ts';
import { spanFrom } from '../core/settled-span.ts';
import { EMPTY, LANE, openStore, parkedRow, progress, take, UNIT } from './test-store.ts';

test('a floor never goes down, and brings what is open above it', async (t) => {
  const { store } = await openStore(t);
  const lease = await take(store, 'one');
  await store.settle(progress(lease, -1));
  for (const [floor, open] of [
    [10, [12]],
    [10, [12, 14]],
    [4, [5]],
  ] as const)
    await store.settle(progress(lease, floor, [...open]));
  assert.deepEqual((await store.load(lease)).lanes, [{ ...progress({ ...UNIT, epoch: 1 }, 10, [12, 14]).lanes[0] }]);
});

test('parked rows come back in order behind their head, and leave when they end', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  const dueAt = Date.now() + 5_000;
  const history = [{ attempt: 1, at: '2026-11-22T00:00:00.000Z', because: 'boom' }];
  const head = parkedRow(unit, 1, { attempts: 1, dueAt, history });
  await store.settle({ ...EMPTY, parked: [parkedRow(unit, 3), head, parkedRow(unit, 2), parkedRow(unit, 9, { key: 'B' })] });
  await store.settle({ ...EMPTY, parked: [parkedRow(unit, 4), parkedRow(unit, 5)], unparked: [{ unit, stream: LANE.stream, seq: 5 }] });
  const { waiting } = await store.load(unit);
  const plain = (rows: ParkedRow[]) => rows.map(({ seq }) => seq);
  assert.deepEqual(
    waiting.map(({ head: { seq, key }, behind }) => ({ seq, key, behind })),
    [
      { seq: 1, key: 'A', behind: 3 },
      { seq: 9, key: 'B', behind: 0 },
    ],
  );
  assert.deepEqual(waiting[0]?.head, { ...head, unit: { ...UNIT, epoch: 1 } });
  assert.deepEqual(plain(await store.parkedRows(unit, LANE, 'A', 2)), [1, 2]);
  await store.settle({ ...EMPTY, unparked: [{ unit, stream: LANE.stream, seq: 1 }], parked: [parkedRow(unit, 2, { attempts: 3, dueAt })] });
  assert.deepEqual(plain(await store.parkedRows(unit, LANE, 'A', 10)), [2, 3, 4]);
  assert.equal((await store.load(unit)).waiting[0]?.head.attempts, 3);
});

test('the outbox keeps the order and the bytes, and a published copy leaves its address', async (t) => {
  const { store, database } = await openStore(t);
  const unit = await take(store, 'one');
  const at = '2026-11-22T00:00:00.000Z';
  const emit = (id: string, body: Uint8Array) => ({ unit, id, subject: 's', key: 'A', headers: { 'Vis-Run': 'r' }, body });
  const death = {
    unit,
    id: 'slack:m1:0',
    messageId: 'm1',
    round: 0,
    eventKey: 'A',
    key: 'A',
    priority: 'default',
    reason: 'refused',
    because: 'no',
  } as const;
  await store.settle({
    ...EMPTY,
    outbox: [
      emit('b', Buffer.from([0, 255, 10])),
      emit('a', Buffer.alloc(0)),
      { unit, id: death.id, subject: 'dead', key: 'A', headers: {}, copyOf: { stream: 'COMMANDS', seq: 7 } },
    ],
    deadLetters: [{ ...death, detail: { answer: 'no' }, history: [], stream: 'COMMANDS', seq: 7, run: 'r', step: 's', at }],
  });
  await store.settle({ ...EMPTY, outbox: [emit('a', Buffer.from('again')), emit('c', Buffer.from('c'))] });
  const { outbox } = await store.load(unit);
  assert.deepEqual(
    outbox.map(({ id }) => id),
    ['b', 'a', death.id, 'c'],
  );
  assert.deepEqual(
    outbox.map((entry) => ('body' in entry ? [...entry.body] : entry.copyOf)),
    [[0, 255, 10], [], { stream: 'COMMANDS', seq: 7 }, [99]],
  );
  await store.settle({ ...EMPTY, published: ['a', 'b', death.id].map((id, n) => ({ unit, id, seq: 40 + n })) });
  assert.deepEqual(
    (await store.load(unit)).outbox.map(({ id }) => id),
    ['c'],
  );
  assert.deepEqual(await database.query({ text: 'select id, copy_seq, status from dead_letters' }), [
    { id: death.id, copy_seq: 42, status: 'open' },
  ]);
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
    lanes: [{ ...LANE, unit, ...spanFrom(5), consumerCreated: null }],
    parked: [
      parkedRow(unit, 6, { key: poison.repeat(3_000), because: poison, history: [{ attempt: 1, at: 'never', because: poison, detail }] }),
    ],
    deadLetters: [
      {
        unit,
        id: poison,
        messageId: poison,
        round: 0,
        eventKey: poison,
        key: poison,
        priority: 'default',
        reason: 'invalid',
        because: poison,
        detail,
        history: [],
        stream: 'COMMANDS',
        seq: 7,
        run: null,
        step: null,
        at: 'yesterday',
      },
    ],
    outbox: [{ unit, id: poison, subject: 's', key: poison, headers: { poison }, body: Buffer.from('x') }],
    rows: [
      {
        unit,
        row: {
          kind: 'event',
          id: 'e',
          stream: 'EVENTS',
          seq: 1,
          source: poison,
          type: poison,
          key: poison.repeat(3_000),
          priority: 'default',
          receivedAt: '+999999',
          size: 1,
          fate: 'routed',
        },
      },
      {
        unit,
        row: {
          kind: 'step',
          run: 'r',
          path: 'p',
          position: 0,
          type: 't',
          status: 'done',
          commandId: 'c',
          generation: '',
          version: 1,
          output: detail,
          error: null,
          deadLetterId: null,
          startedAt: poison,
          endedAt: poison,
        },
      },
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
  await assert.rejects(store.settle({ ...progress(unit, 3), rows: [{ unit, row: { kind: 'secret' } }] }), {
    name: 'TypeError',
    message: /"secret"/,
  });
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
  assert.deepEqual(
    (await store.adopt([unit])).map(({ stream, seq, unit: { epoch } }) => ({ stream, seq, epoch })),
    [{ stream: 'DEAD_LETTERS', seq: 3, epoch: 1 }],
  );
  assert.deepEqual(await store.adopt([unit]), []);
  await store.release([unit]);
  const next = await take(store, 'two');
  assert.deepEqual(await store.adopt([unit]), [], 'the last owner gets none');
  const [adopted] = await store.adopt([next]);
  assert.ok(adopted);
  await store.settle({ ...EMPTY, parked: [{ ...adopted, key: 'A/B', attempts: 1 }] });
  assert.deepEqual(
    (await store.load(next)).waiting.map(({ head }) => head.key),
    ['A/B'],
  );
  await store.release([next]);
  assert.deepEqual(await store.adopt([await take(store, 'three')]), [], 'parked anew it comes with the record');
});

test('what an older epoch of a unit says in the same batch does not stand for what the present one says', async (t) => {
  const { store } = await openStore(t);
  const old = await take(store, 'one');
  const present = await take(store, 'one');
  const claim = { ...LANE, unit: present, id: 'm1/send', messageId: 'm1', name: 'send', onUnknown: 'hold', seq: 1, key: 'A' } as const;
  await store.claim([{ ...claim, token: 'first' }]);
  const { refused } = await store.settle({
    ...EMPTY,
    effects: [
      { unit: present, id: 'm1/send', state: 'done', result: 1 },
      { unit: old, id: 'm1/send', state: 'unknown' },
    ],
  });
  assert.deepEqual(
    refused.map(({ epoch }) => epoch),
    [old.epoch],
  );
  assert.deepEqual(await store.claim([{ ...claim, token: 'second' }]), [{ kind: 'done', result: 1 }]);
});

test('an output with a time is told from its time on, until it is settled as published', async (t) => {
  const { store } = await openStore(t);
  const { actor, partition, epoch } = await take(store, 'one');
  const unit = { actor, partition, epoch };
  const dueAt = Date.now() + 60_000;
  const timer = { unit, id: 'run/pause', subject: 'commands.default.1.workflow', key: 'A', headers: { a: 'b' }, body: Buffer.from('x') };
  await store.settle({
    ...EMPTY,
    outbox: [
      { ...timer, dueAt },
      { ...timer, id: 'later', dueAt: dueAt + 1 },
    ],
  });
  // Settled again, as after a commit that was not heard of.
  await store.settle({ ...EMPTY, outbox: [{ ...timer, dueAt }] });
  assert.deepEqual((await store.load(unit)).outbox, []);
  assert.deepEqual(await store.dueTimers([unit], dueAt - 1, 10), []);
  assert.deepEqual(await store.dueTimers([unit], dueAt, 10), [timer]);
  assert.equal((await store.dueTimers([unit], dueAt + 1, 1)).length, 1);
  assert.deepEqual(await store.dueTimers([{ ...unit, partition: 3 }], dueAt, 10), []);
  await store.settle({ ...EMPTY, published: [{ unit, id: timer.id, seq: 9 }] });
  assert.deepEqual(
    (await store.dueTimers([unit], dueAt + 1, 10)).map(({ id }) => id),
    ['later'],
  );
});
