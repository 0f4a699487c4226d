import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseApiKey } from '../../lib/access/api-key.ts';
import { Secret } from '../../lib/core/secret.ts';
import { nodeEnvironment } from '../../lib/dev/program.ts';
import { poll } from '../../lib/dev/poll.ts';
import { openTestAccount } from '../../lib/dev/test-bed.ts';
import { scaled } from '../../lib/dev/test-scale.ts';
import { createTestSecrets, storeTestSettings } from '../../lib/dev/test-settings.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { logStreams } from '../../streams/log-streams.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const OLD = 'the old secret of the source';
const NEW = 'the new secret of the source';
const BODY = '{"action":"published","repository":{"full_name":"octo/demo"}}';
/** How long the old secret counts: long enough for some hundred requests. */
const OVERLAP_MS = 8_000;

/** The last requests with what ends have to be answered before it does, on a machine under load. */
const MARGIN_MS = 4_000;

/** Between two requests of one sender. (By day some forty per second and sender, by night as many as go) */
const PAUSE_MS = scaled({ day: 25, night: 0 });

/** Ingest as a process of its own with one source and one key; `heard` resolves at its next change of settings. */
async function openDoor() {
  const natsUrl = await openTestAccount();
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const secrets = createTestSecrets();
  const apiKey = await storeTestSettings(secrets, connection, [{ name: 'github', preset: 'github', secrets: [{ value: OLD }] }]);
  const home = mkdtempSync(join(tmpdir(), 'visapi-rotation-'));
  const child = spawn(process.execPath, [MAIN, '--allow-unsafe-broker'], {
    env: {
      ...nodeEnvironment,
      VISAPI_HOME: home,
      NATS_URL: natsUrl,
      INGEST_PORT: '0',
      INGEST_OPS_PORT: '0',
      NATS_MONITOR_URL: 'http://127.0.0.1:1',
      ...secrets.env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  after(async () => {
    child.kill('SIGKILL');
    await Promise.all([ended, connection.close()]);
    rmSync(home, { recursive: true, force: true });
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const changes = (): number => output.split('settings changed').length - 1;
  const line = await poll(() => output.split('\n').find((each) => each.includes('webhooks are taken')), {
    deadlineMs: 30_000,
    what: 'ingest',
  });
  await poll(() => changes() > 0 || undefined, { deadlineMs: 30_000, what: 'ingest knows its source' });
  const { url } = JSON.parse(line) as { url: string };
  return {
    apiKey,
    stores: secrets.stores(connection),
    changes,
    heard: (before: number) => poll(() => changes() > before || undefined, { deadlineMs: 30_000, what: 'ingest has heard of the change' }),
    async hook(secret: string): Promise<number> {
      const response = await fetch(`${url}/hooks/github`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'release',
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(BODY).digest('hex')}`,
        },
        body: BODY,
      });
      await response.body?.cancel();
      return response.status;
    },
    async event(key: string): Promise<number> {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ specversion: '1.0', id: randomUUID(), source: 'api', type: 'order.paid', data: {} }),
      });
      await response.body?.cancel();
      return response.status;
    },
  };
}

/** Sends one after the other until it is told to end; counts the answers by their status. */
function keepSending(send: () => Promise<number>) {
  const counts = new Map<number, number>();
  let isOver = false;
  const ended = (async () => {
    while (!isOver) {
      const status = await send();
      counts.set(status, (counts.get(status) ?? 0) + 1);
      await wait(PAUSE_MS);
    }
    return counts;
  })();
  return () => {
    isOver = true;
    return ended;
  };
}

const door = await openDoor();

test('nothing is refused while a secret is rotated under load, and a second after the old one has ended all of it is', async (t) => {
  const endOld = keepSending(() => door.hook(OLD));
  const endOldToo = keepSending(() => door.hook(OLD));
  await wait(200);
  const before = door.changes();
  const expiresAt = Date.now() + OVERLAP_MS;
  assert.equal((await door.stores.sources.rotate('github', new Secret(NEW), new Date(expiresAt))).kind, 'rotated');
  await door.heard(before);
  t.diagnostic(`heard ${OVERLAP_MS - (expiresAt - Date.now())} ms after the command`);
  const endNew = keepSending(() => door.hook(NEW));
  await wait(expiresAt - Date.now() - MARGIN_MS);
  const old = [await endOld(), await endOldToo()];
  for (const counts of old) assert.deepEqual([...counts.keys()], [202]);

  await wait(expiresAt + 1_000 - Date.now());
  const late = await Promise.all(Array.from({ length: 50 }, () => door.hook(OLD)));
  const fresh = await endNew();
  assert.deepEqual([...fresh.keys()], [202]);
  assert.deepEqual([...new Set(late)], [401]);
  t.diagnostic(`accepted: ${old.map((counts) => counts.get(202)).join(' and ')} with the old secret, ${fresh.get(202)} with the new one`);
});

test('an API key is rotated under load without a refusal; one that was revoked is refused within 5 s, one that has expired at once', async (t) => {
  const parts = parseApiKey(door.apiKey);
  assert.ok(typeof parts === 'object');
  const endOld = keepSending(() => door.event(door.apiKey));
  let before = door.changes();
  const expiresAt = Date.now() + OVERLAP_MS;
  const rotated = await door.stores.keys.rotate(parts.id, null, new Date(expiresAt));
  assert.ok(rotated.kind === 'rotated');
  await door.heard(before);
  const key = rotated.text.reveal();
  await poll(async () => (await door.event(key)) === 202 || undefined, { deadlineMs: 30_000, what: 'the new key counts' });
  const endNew = keepSending(() => door.event(key));
  await wait(expiresAt - Date.now() - MARGIN_MS);
  assert.deepEqual([...(await endOld()).keys()], [202]);
  await wait(expiresAt + 10 - Date.now());
  assert.equal(await door.event(door.apiKey), 401, 'it has expired');
  assert.deepEqual([...(await endNew()).keys()], [202]);

  before = door.changes();
  const revokedAt = performance.now();
  await door.stores.keys.revoke(rotated.key.id);
  await poll(async () => (await door.event(key)) === 401 || undefined, { deadlineMs: 30_000, what: 'the revoked key is refused' });
  t.diagnostic(`refused ${Math.round(performance.now() - revokedAt)} ms after the command`);
});
