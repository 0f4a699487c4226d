import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEVELOPMENT_MARK } from '../../lib/core/seal.ts';
import { localHome } from '../../lib/dev/local-home.ts';
import { ensureLocalSecrets } from '../../lib/dev/local-secrets.ts';
import { openTestAccount } from '../../lib/dev/test-bed.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { ensureDemoSettings } from './demo-settings.ts';
import { openSettingStores } from './session.ts';

test('the first start makes the secrets, the sources and the key, the next ones find them, and a lost key is replaced', async (t) => {
  const natsUrl = await openTestAccount();
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const root = mkdtempSync(join(tmpdir(), 'visapi-demo-'));
  const before = process.env['VISAPI_HOME'];
  process.env['VISAPI_HOME'] = root;
  t.after(() => {
    if (before === undefined) delete process.env['VISAPI_HOME'];
    else process.env['VISAPI_HOME'] = before;
    rmSync(root, { recursive: true, force: true });
  });
  const home = localHome(root);
  const said: string[] = [];
  const ensure = () => ensureDemoSettings(connection, home.demoApiKey, (line) => said.push(line));

  await ensureLocalSecrets(home);
  const made = readFileSync(home.secretsKey, 'utf8');
  const first = await ensure();
  for (const file of [home.secretsKey, home.apiKeyPepper, home.demoApiKey]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  assert.ok(made.startsWith(DEVELOPMENT_MARK) && readFileSync(home.apiKeyPepper, 'utf8').startsWith(DEVELOPMENT_MARK));
  assert.deepEqual([first.source, said.length], ['github', 3]);
  assert.match(first.apiKey, /^vis_dev_/);

  await ensureLocalSecrets(home);
  assert.deepEqual([readFileSync(home.secretsKey, 'utf8'), await ensure(), said.length], [made, first, 3]);

  rmSync(home.demoApiKey);
  const second = await ensure();
  assert.notEqual(second.apiKey, first.apiKey);
  const { keys } = await openSettingStores(connection);
  await keys.revoke(second.apiKey.split('_')[2] ?? '');
  assert.notEqual((await ensure()).apiKey, second.apiKey);

  rmSync(home.secretsKey);
  await ensureLocalSecrets(home);
  await assert.rejects(ensure(), /sources\.github: cannot be opened: it was sealed with the key/);
});
