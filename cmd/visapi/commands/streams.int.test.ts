import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAccount } from '../../../lib/dev/test-bed.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { createTestTool, type Ended } from '../test-tool.ts';

const streams = (natsUrl: string, ...words: string[]): Promise<Ended> => createTestTool({ NATS_URL: natsUrl }).run('streams', ...words);

test('plan says what apply will do, apply does it once, and a refused change is told with its reason', async () => {
  const url = await openTestAccount();
  const size = ['--max-bytes', '300MiB'];
  assert.equal((await createTestTool({ NATS_URL: url }).spawn('streams', 'plan', ...size, '--exit-code')).code, 5);
  assert.equal((await streams(url, 'apply', ...size)).code, 0);
  const plan = await streams(url, 'plan', ...size, '--exit-code', '--json');
  assert.equal(plan.code, 0);
  assert.deepEqual(
    (JSON.parse(plan.stdout) as { steps: { kind: string }[] }).steps.map(({ kind }) => kind),
    logStreams().map(() => 'same'),
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
