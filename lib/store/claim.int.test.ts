import assert from 'node:assert/strict';
import test from 'node:test';
import type { OnUnknown } from '../actor/record-port.ts';
import { claimOf, EMPTY, openStore, take } from './test-store.ts';

test('the ledger decides every claim by the state of its effect', async (t) => {
  const { store } = await openStore(t);
  const unit = await take(store, 'one');
  const outcome = (id: string, state: 'done' | 'failed' | 'unknown' | 'held', result?: unknown) =>
    store.settle({ ...EMPTY, effects: [{ unit, id, state, result }] });
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

test('an attempt that never claimed an effect does not free what an earlier owner left open', async (t) => {
  const { store } = await openStore(t);
  const first = await take(store, 'one');
  await store.claim([claimOf(first, 'hold', 'first')]);
  const second = await take(store, 'one');
  // Its claim could not be sent: as far as it knows nothing was begun.
  await store.settle({ ...EMPTY, effects: [{ unit: second, id: 'm1/send', state: 'failed' }] });
  assert.deepEqual(await store.claim([claimOf(second, 'hold', 'second')]), [{ kind: 'held' }]);

  await store.claim([claimOf(second, 'repeat', 'a', 'unknown')]);
  await store.settle({ ...EMPTY, effects: [{ unit: second, id: 'unknown', state: 'unknown' }] });
  await store.settle({ ...EMPTY, effects: [{ unit: second, id: 'unknown', state: 'failed' }] });
  assert.deepEqual(await store.claim([claimOf(second, 'repeat', 'b', 'unknown')]), [{ kind: 'granted', repeated: true }]);
});
