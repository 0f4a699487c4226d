import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { AppError } from '../core/app-error.ts';
import { poll } from '../dev/poll.ts';
import { openOwnBroker, openTestAccount } from '../dev/test-bed.ts';
import { connectBroker } from './connection.ts';
import { bucketStream, createKvBucket } from './kv-bucket.ts';
import { applyStreams, planStreams } from './stream-plan.ts';

const STREAM = bucketStream({ name: 'config', description: 'for tests', maxBytes: 1024 ** 2, replicas: 1 });

async function openBucket(t: TestContext, url?: string) {
  const connection = await connectBroker({ url: url ?? (await openTestAccount()), name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, [STREAM]);
  return { connection, bucket: createKvBucket(connection, 'config') };
}

const isConflict = (error: unknown): boolean => error instanceof AppError && error.code === 'changed_meanwhile';

test('what is put is there, with its history, and deleted it is gone and can come again', async (t) => {
  const { bucket, connection } = await openBucket(t);
  // Whoever asks for the state asks again where the answer is late.
  const { revision } = await poll(() => bucket.state(), { deadlineMs: 30_000, what: 'the state' });
  assert.deepEqual([await bucket.get('sources.github'), await bucket.list(), revision], [undefined, [], 0]);
  const first = await bucket.put('sources.github', '{"a":"ü"}', 0);
  const second = await bucket.put('sources.github', 'two', first);
  await bucket.put('api-keys.Ab1', 'key', 0);
  assert.equal((await bucket.get('sources.github'))?.value, 'two');
  assert.deepEqual(
    (await bucket.list()).map(({ key, value, revision }) => [key, value, revision]),
    [
      ['sources.github', 'two', 2],
      ['api-keys.Ab1', 'key', 3],
    ],
  );
  const deleted = await bucket.delete('sources.github', second, 'ädä@host');
  assert.equal(await bucket.get('sources.github'), undefined);
  assert.deepEqual(
    (await bucket.list()).map(({ key }) => key),
    ['api-keys.Ab1'],
  );
  await bucket.put('sources.github', 'again', 0);
  const history = await bucket.history('sources.github');
  assert.deepEqual(
    history.map(({ value }) => value),
    ['{"a":"ü"}', 'two', undefined, 'again'],
  );
  assert.deepEqual([history[2]?.revision, history[2]?.deletedBy, history[3]?.deletedBy], [deleted, 'ädä@host', undefined]);
  assert.ok(Math.abs((history[0]?.changedAt ?? 0) - Date.now()) < 60_000);
  assert.deepEqual(
    (await planStreams(connection, [STREAM])).map(({ kind }) => kind),
    ['same'],
  );
});

test('of two people who change one key at once, one is told; nothing is lost', async (t) => {
  const { bucket } = await openBucket(t);
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => bucket.put('sources.github', String(n), 0)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results) if (result.status === 'rejected') assert.ok(isConflict(result.reason), String(result.reason));
  const { revision = 0 } = (await bucket.get('sources.github')) ?? {};
  await bucket.put('sources.github', 'new', revision);
  await assert.rejects(bucket.put('sources.github', 'late', revision), isConflict);
  await assert.rejects(bucket.delete('sources.github', revision), isConflict);
  assert.equal((await bucket.get('sources.github'))?.value, 'new');
});

test('the usual tools read and write the same bucket', async (t) => {
  const { bucket, connection } = await openBucket(t);
  const kv = await new Kvm(jetstream(connection.nats)).open('config');
  await bucket.put('sources.github', 'ours', 0);
  assert.equal((await kv.get('sources.github'))?.string(), 'ours');
  await kv.put('sources.shop', 'theirs');
  await kv.purge('sources.github');
  assert.deepEqual(
    (await bucket.list()).map(({ key, value }) => [key, value]),
    [['sources.shop', 'theirs']],
  );
  assert.equal(await bucket.get('sources.github'), undefined);
});

test('more keys than one answer holds are listed whole', async (t) => {
  const { bucket } = await openBucket(t);
  const keys = Array.from({ length: 1_500 }, (_, n) => `api-keys.k${n}`);
  // All at once they would wait for each other's fsync longer than one may.
  for (let from = 0; from < keys.length; from += 20) await Promise.all(keys.slice(from, from + 20).map((key) => bucket.put(key, 'x', 0)));
  assert.deepEqual((await bucket.list()).map(({ key }) => key).toSorted(), keys.toSorted());
});

test('a bucket that is not there, a full one and a broker that is away are told, and change nothing', async (t) => {
  const broker = await openOwnBroker(t);
  const { bucket, connection } = await openBucket(t, broker.url);
  await assert.rejects(
    createKvBucket(connection, 'nothing').list(),
    (error: unknown) => error instanceof AppError && error.code === 'broker_refused',
  );
  await bucket.put('sources.kept', 'kept', 0);
  await assert.rejects(async () => {
    for (let n = 0; n < 40; n += 1) await bucket.put(`sources.large${n}`, 'x'.repeat(60_000), 0);
  }, AppError);
  assert.equal((await bucket.get('sources.kept'))?.value, 'kept');
  await assert.rejects(bucket.put('sources.a b', 'x', 0), TypeError);
  await broker.stop();
  await assert.rejects(bucket.state(), (error: unknown) => error instanceof AppError && error.code === 'broker_unavailable');
});
