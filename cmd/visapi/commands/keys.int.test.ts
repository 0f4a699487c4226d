import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyRing } from '../../../lib/access/key-ring.ts';
import { Secret } from '../../../lib/core/secret.ts';
import { openTestAccount } from '../../../lib/dev/test-bed.ts';
import { createTestSecrets } from '../../../lib/dev/test-settings.ts';
import { connectBroker } from '../../../lib/jetstream/connection.ts';
import { createKvBucket } from '../../../lib/jetstream/kv-bucket.ts';
import { applyStreams } from '../../../lib/jetstream/stream-plan.ts';
import { readStored, storedApiKeySchema } from '../../../lib/settings/stored-setting.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { createTestTool } from '../test-tool.ts';

interface Shown {
  readonly id: string;
  readonly key: string;
  readonly expiresAt: string | null;
  readonly old: { readonly id: string; readonly expiresAt: string };
}

test('a key is shown once, stored as a digest, replaced with an overlap, and revoked', async (t) => {
  const natsUrl = await openTestAccount();
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const secrets = createTestSecrets();
  const tool = createTestTool({ NATS_URL: natsUrl, ...secrets.env });
  const visapi = (...words: string[]) => tool.run('keys', ...words);
  const bucket = createKvBucket(connection, 'config');
  /** As ingest judges it. */
  const judge = async (text: string, nowMs = Date.now()) => {
    const records = (await bucket.list()).map(({ value }) => readStored(storedApiKeySchema, value));
    const check = createKeyRing(records, new Secret(secrets.env.API_KEY_PEPPER), 'dev').check(text, nowMs);
    return check.ok ? 'ok' : check.reason;
  };

  const created = JSON.parse(
    (await visapi('create', '--name', 'shop', '--source', 'shop', '--scopes', 'events:write', '--json')).stdout,
  ) as Shown;
  assert.match(created.key, /^vis_dev_[0-9A-Za-z]{10}_[0-9A-Za-z]{34}$/);
  assert.equal(await judge(created.key), 'ok');
  const stored = (await bucket.list()).map(({ value }) => value).join('');
  assert.ok(!stored.includes(created.key.split('_')[3] ?? created.key), 'the secret is not in the bucket');

  const rotated = JSON.parse((await visapi('rotate', created.id, '--old-expires', '1h', '--expires-in', '90d', '--json')).stdout) as Shown;
  assert.deepEqual([await judge(created.key), await judge(rotated.key)], ['ok', 'ok'], 'both count');
  const inTwoHours = Date.now() + 7_200_000;
  assert.deepEqual([await judge(created.key, inTwoHours), await judge(rotated.key, inTwoHours)], ['expired', 'ok']);
  assert.equal(await judge(rotated.key, Date.now() + 91 * 86_400_000), 'expired');
  const twice = await tool.spawn('keys', 'rotate', created.id);
  assert.deepEqual([twice.code, twice.stderr.includes(`has the successor ${rotated.id} already`)], [1, true]);

  const again = JSON.parse((await visapi('rotate', rotated.id, '--json')).stdout) as Shown;
  assert.equal(await judge(again.key, Date.now() + 91 * 86_400_000), 'expired', 'a key that ended has a successor that does');
  assert.equal((await visapi('revoke', again.id)).code, 0);

  const list = await visapi('list');
  assert.ok(list.stdout.includes(created.id) && list.stdout.includes(rotated.id));
  assert.ok(!list.stdout.includes(created.key) && !list.stdout.includes(rotated.key));
  // Whoever gives the whole key is understood, and it is not printed again.
  const revoked = await visapi('revoke', rotated.key);
  assert.equal(revoked.code, 0, revoked.stderr);
  assert.ok(!revoked.stdout.includes(rotated.key));
  assert.equal(await judge(rotated.key), 'revoked');
  assert.equal((await visapi('revoke', rotated.id)).code, 0, 'again is no mistake');
  const [shown, all] = await Promise.all([visapi('list', '--json'), visapi('list', '--all', '--json')]);
  const idsOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { keys: Shown[] }).keys.map(({ id }) => id);
  assert.deepEqual([idsOf(shown), idsOf(all)], [[created.id], [again.id, rotated.id, created.id]]);

  await bucket.put('api-keys.broken', '{}', 0);
  assert.match((await visapi('list')).stdout, /broken.*cannot be read/);
  assert.match((await visapi('revoke', 'broken')).stdout, /^Removed broken/);
  assert.equal(await bucket.get('api-keys.broken'), undefined);
});
