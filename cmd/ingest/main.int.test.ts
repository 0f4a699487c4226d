import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseConfig } from '../../lib/config/config.ts';
import { DEVELOPMENT_MARK } from '../../lib/core/seal.ts';
import { Secret } from '../../lib/core/secret.ts';
import type { Readiness } from '../../lib/http/ops-server.ts';
import { nodeEnvironment } from '../../lib/dev/program.ts';
import { poll } from '../../lib/dev/poll.ts';
import { openTestAccount } from '../../lib/dev/test-bed.ts';
import { createTestSecrets, storeTestSettings } from '../../lib/dev/test-settings.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { INGEST_RELATIONS, INGEST_VARIABLES } from './config.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const TOOL = fileURLToPath(new URL('../visapi/main.ts', import.meta.url));
const runFile = promisify(execFile);

function openHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'visapi-ingest-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

function startProgram(t: TestContext, home: string, natsUrl: string, secrets: Record<string, string>, allowUnsafe = true) {
  const env = {
    ...nodeEnvironment,
    VISAPI_HOME: home,
    NATS_URL: natsUrl,
    INGEST_PORT: '0',
    INGEST_OPS_PORT: '0',
    NATS_MONITOR_URL: 'http://127.0.0.1:1',
    ...secrets,
  };
  const child = spawn(process.execPath, [MAIN, ...(allowUnsafe ? ['--allow-unsafe-broker'] : [])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const find = (text: string) => output.split('\n').find((line) => line.includes(text));
  const lineWith = (text: string) => poll(() => find(text), { deadlineMs: 30_000, what: text });
  const urlOf = async (text: string) => (JSON.parse(await lineWith(text)) as { url: string }).url;
  return { child, urlOf, lineWith, output: () => output, exit: once(child, 'close') };
}

const GITHUB = { name: 'github', preset: 'github', secrets: [{ value: 'hunter2hunter2' }] };

test('the program takes what visapi send signs, knows a duplicate, hears of new sources and keys, and stops cleanly', async (t) => {
  const natsUrl = await openTestAccount();
  const home = openHome(t);
  const secrets = createTestSecrets();
  const program = startProgram(t, home, natsUrl, secrets.env);
  const [url, opsUrl] = [await program.urlOf('webhooks are taken'), await program.urlOf('operations server listens')];
  assert.ok(url, program.output());

  const early = await fetch(`${opsUrl}/readyz`);
  const { checks } = (await early.json()) as Readiness;
  assert.deepEqual(
    [early.status, checks['journal']?.ok, checks['relay']?.ok, checks['settings']?.ok],
    [503, true, false, false],
    'there is no stream yet, and no bucket',
  );
  const hook = (name: string) =>
    fetch(`${url}/hooks/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  const undecided = await hook('github');
  assert.deepEqual([undecided.status, undecided.headers.get('retry-after')], [503, '5'], 'nobody can say yet that there is no such source');
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const apiKey = await storeTestSettings(secrets, connection, [GITHUB]);
  await poll(async () => (await hook('github')).status === 401 || undefined, { deadlineMs: 30_000, what: 'the source is known' });
  assert.equal((await hook('gitlab')).status, 404);
  await poll(async () => (await fetch(`${opsUrl}/readyz`)).ok || undefined, { deadlineMs: 30_000, what: 'it is ready' });

  const send = async (...args: string[]) => {
    const env = { ...nodeEnvironment, VISAPI_HOME: home, NATS_URL: natsUrl, INGEST_URL: url, ...secrets.env };
    const { stdout } = await runFile(process.execPath, [TOOL, 'send', ...args, '--json'], { env }).catch(
      (error: { stdout: string }) => error,
    );
    return JSON.parse(stdout) as { status: number; duplicate: boolean; id: string }[] & { status: number; id: string; code: string };
  };
  const twice = await send('github', '--example', 'release.published', '--id', 'd-1', '--times', '2');
  assert.deepEqual([twice[0]?.status, twice[0]?.duplicate, twice[1]?.status, twice[1]?.duplicate], [202, false, 202, true]);
  const line = JSON.parse(await program.lineWith(twice[0]?.id ?? 'none')) as Record<string, unknown>;
  assert.deepEqual([line['type'], line['status'], line['reason']], ['release.published', 202, 'accepted']);
  assert.match(await (await fetch(`${opsUrl}/metrics`)).text(), /visapi_ingest_accepted_total\{source="github",duplicate="true"\} 1/);

  const { sources, keys } = secrets.stores(connection);
  const shopSecret = new Secret(`whsec_${Buffer.alloc(24, 1).toString('base64')}`);
  await sources.add({ name: 'shop', preset: 'standard-webhooks' }, [{ value: shopSecret }]);
  await poll(async () => (await hook('shop')).status === 401 || undefined, { deadlineMs: 30_000, what: 'the new source is known' });
  assert.equal((await send('shop', '--data', '{"type":"order.paid"}')).status, 202);

  const event = () =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ specversion: '1.0', id: randomUUID(), source: 'api', type: 'order.paid', data: {} }),
    });
  assert.equal((await event()).status, 202);
  await keys.revoke((await keys.list()).keys[0]?.id ?? '');
  await poll(async () => (await event()).status === 401 || undefined, { deadlineMs: 30_000, what: 'the revoked key is refused' });
  await sources.remove('shop');
  await poll(async () => (await hook('shop')).status === 404 || undefined, { deadlineMs: 30_000, what: 'the removed source is gone' });

  program.child.kill('SIGTERM');
  assert.deepEqual(await program.exit, [0, null]);
  assert.doesNotMatch(program.output(), /hunter2|vis_dev_/);
});

test('a broker that cannot be seen to be safe is not run on, with 78', async (t) => {
  const natsUrl = await openTestAccount();
  const program = startProgram(t, openHome(t), natsUrl, createTestSecrets().env, false);
  assert.deepEqual(await program.exit, [78, null]);
  assert.match(program.output(), /the broker is not safe to run on/);
});

test('without its secrets ingest refuses to start, with 78, and names them all', async (t) => {
  const program = startProgram(t, openHome(t), 'nats://127.0.0.1:1', {}, false);
  assert.deepEqual(await program.exit, [78, null]);
  assert.match(program.output(), /VISAPI_SECRETS_KEY: expected a value/);
  assert.match(program.output(), /API_KEY_PEPPER: expected a value/);
});

test("development's secrets are refused in production", () => {
  const env = { VISAPI_ENV: 'production', NATS_URL: 'nats://127.0.0.1:1', ...marked() };
  assert.throws(
    () => parseConfig(INGEST_VARIABLES, env, { relations: INGEST_RELATIONS }),
    /VISAPI_SECRETS_KEY: expected one of its own where VISAPI_ENV is production/,
  );
  assert.doesNotThrow(() => parseConfig(INGEST_VARIABLES, { ...env, VISAPI_ENV: 'development' }, { relations: INGEST_RELATIONS }));
});

function marked(): Record<string, string> {
  return Object.fromEntries(Object.entries(createTestSecrets().env).map(([name, value]) => [name, DEVELOPMENT_MARK + value]));
}
