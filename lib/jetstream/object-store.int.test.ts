import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { jetstream } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { openTestBed } from '../dev/test-bed.ts';
import { connectBroker } from './connection.ts';
import { createObjectStore, objectId, objectStream } from './object-store.ts';
import { applyStreams, planStreams } from './stream-plan.ts';

const STREAM = objectStream({ name: 'documents', description: 'for tests', maxBytes: 1024 ** 2, maxAgeMs: 3_600_000, replicas: 1 });

test('what is put is found by its content, once; a full bucket refuses; a tampered object is not given out', async (t) => {
  const bed = await openTestBed(t, { migrated: false });
  const connection = await connectBroker({ url: bed.natsUrl, name: 'test' });
  t.after(() => connection.close());
  const store = createObjectStore(connection, 'documents');
  await assert.rejects(store.put(Buffer.from('early'), 'text/plain'), { code: 'broker_unavailable' });
  await applyStreams(connection, [STREAM]);
  assert.deepEqual(
    (await planStreams(connection, [STREAM])).map(({ kind }) => kind),
    ['same'],
  );

  const content = randomBytes(300_000);
  const first = await store.put(content, 'application/pdf');
  assert.equal(first.id, objectId(content));
  assert.deepEqual(await store.put(content, 'application/pdf'), first, 'the same bytes are the same object, with its first time');
  assert.deepEqual((await store.get(first.id))?.content, content);
  assert.deepEqual(await store.info(first.id), { id: first.id, bytes: 300_000, contentType: 'application/pdf', storedAt: first.storedAt });
  assert.deepEqual([await store.get(objectId(Buffer.from('else'))), await store.get('../x')], [undefined, undefined]);

  await assert.rejects(store.put(randomBytes(900_000), 'application/pdf'), { code: 'broker_unavailable' });
  assert.deepEqual((await store.get(first.id))?.content, content, 'what was there stays');

  const bucket = await new Objm(jetstream(connection.nats)).open('documents');
  await bucket.putBlob({ name: first.id }, Buffer.from('something else'));
  assert.equal(await store.get(first.id), undefined);
});
