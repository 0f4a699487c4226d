import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openOwnBroker } from '../../../lib/dev/test-bed.ts';

const MAIN = new URL('../main.ts', import.meta.url).pathname;

function streams(natsUrl: string, ...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, NATS_URL: natsUrl, VISAPI_HOME: join(tmpdir(), 'visapi-nowhere') };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'streams', ...words], { env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

test('plan says what apply will do, apply does it once, and a refused change is told with its reason', async (t) => {
  const { url } = await openOwnBroker(t);
  const size = ['--max-bytes', '300MiB'];
  assert.equal((await streams(url, 'plan', ...size, '--exit-code')).code, 5);
  assert.equal((await streams(url, 'apply', ...size)).code, 0);
  const plan = await streams(url, 'plan', ...size, '--exit-code', '--json');
  assert.equal(plan.code, 0);
  assert.deepEqual(
    (JSON.parse(plan.stdout) as { steps: { kind: string }[] }).steps.map(({ kind }) => kind),
    Array.from({ length: 6 }, () => 'same'),
  );
  assert.match((await streams(url, 'plan', '--max-bytes', '1GiB')).stdout, /EVENTS.*update.*max_bytes/);
  const refused = await streams(url, 'apply', '--max-bytes', 'much');
  assert.deepEqual([refused.code, refused.stdout], [2, '']);
});

test('show prints what the NATS tool takes', async () => {
  const { stdout } = await streams('nats://127.0.0.1:1', 'show', 'EVENTS');
  const config = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual([config['name'], config['subjects'], config['max_age']], ['EVENTS', ['events.>'], 30 * 86_400 * 1e9]);
});
