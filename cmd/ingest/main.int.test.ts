import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Readiness } from '../../lib/http/ops-server.ts';
import { poll } from '../../lib/dev/poll.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { eventsStream } from '../../streams/events.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const TOOL = fileURLToPath(new URL('../visapi/main.ts', import.meta.url));
const runFile = promisify(execFile);

function openHome(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'visapi-ingest-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const writeSources = (sources: unknown) =>
    writeFileSync(join(home, 'sources.json'), typeof sources === 'string' ? sources : JSON.stringify(sources));
  return { home, writeSources };
}

function startProgram(t: TestContext, home: string, natsUrl: string, allowUnsafe = true) {
  const env = {
    PATH: process.env['PATH'] ?? '',
    VISAPI_HOME: home,
    NATS_URL: natsUrl,
    INGEST_PORT: '0',
    INGEST_OPS_PORT: '0',
    NATS_MONITOR_URL: 'http://127.0.0.1:1',
  };
  const child = spawn(process.execPath, [MAIN, ...(allowUnsafe ? ['--allow-unsafe-broker'] : [])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const find = (text: string) => output.split('\n').find((line) => line.includes(text));
  const lineWith = (text: string) => poll(() => find(text), { deadlineMs: 20_000, what: text });
  const urlOf = async (text: string) => (JSON.parse(await lineWith(text)) as { url: string }).url;
  return { child, urlOf, lineWith, find, output: () => output, exit: once(child, 'exit') };
}

const GITHUB = { name: 'github', preset: 'github', secrets: [{ value: 'hunter2hunter2' }] };

test('the program takes what visapi send signs, knows a duplicate, reads its sources anew, and stops cleanly', async (t) => {
  const { natsUrl } = await openTestBed(t);
  const { home, writeSources } = openHome(t);
  writeSources([GITHUB]);
  const program = startProgram(t, home, natsUrl);
  const [url, opsUrl] = [await program.urlOf('webhooks are taken'), await program.urlOf('operations server listens')];
  assert.ok(url, program.output());

  const early = await fetch(`${opsUrl}/readyz`);
  const { checks } = (await early.json()) as Readiness;
  assert.deepEqual([early.status, checks['journal']?.ok, checks['relay']?.ok], [200, true, false], 'there is no stream yet');
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  t.after(() => connection.close());
  const manager = await jetstreamManager(connection.nats);
  await manager.streams.add(
    eventsStream({ maxBytes: 64 * 1024 * 1024, replicas: 1 }) as unknown as Parameters<typeof manager.streams.add>[0],
  );
  assert.equal((await fetch(`${opsUrl}/readyz`)).status, 200);

  const send = async (...args: string[]) => {
    const env = { PATH: process.env['PATH'] ?? '', VISAPI_HOME: home, INGEST_URL: url };
    const { stdout } = await runFile(process.execPath, [TOOL, 'send', ...args, '--json'], { env }).catch(
      (error: { stdout: string }) => error,
    );
    return JSON.parse(stdout) as { status: number; duplicate: boolean; id: string }[] & { status: number; id: string; code: string };
  };
  const twice = await send('github', '--example', 'release.published', '--id', 'd-1', '--times', '2');
  assert.deepEqual([twice[0]?.status, twice[0]?.duplicate, twice[1]?.status, twice[1]?.duplicate], [202, false, 202, true]);
  const line = JSON.parse(program.find(twice[0]?.id ?? 'none') ?? '{}') as Record<string, unknown>;
  assert.deepEqual([line['type'], line['status'], line['reason']], ['release.published', 202, 'accepted']);
  assert.match(await (await fetch(`${opsUrl}/metrics`)).text(), /visapi_ingest_accepted_total\{source="github",duplicate="true"\} 1/);

  writeSources([
    GITHUB,
    { name: 'shop', preset: 'standard-webhooks', secrets: [{ value: `whsec_${Buffer.alloc(24, 1).toString('base64')}` }] },
  ]);
  program.child.kill('SIGHUP');
  await program.lineWith('sources read');
  assert.equal((await send('shop', '--data', '{"type":"order.paid"}')).status, 202);
  writeSources('[{"name": "hunter2hunter2"');
  program.child.kill('SIGHUP');
  await program.lineWith('sources not taken');
  assert.equal(
    (await fetch(`${url}/hooks/shop`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).status,
    401,
    'what was known stays',
  );

  program.child.kill('SIGTERM');
  assert.deepEqual(await program.exit, [0, null]);
  assert.doesNotMatch(program.output(), /hunter2/);
});

test('a broker that cannot be seen to be safe is not run on, with 78', async (t) => {
  const { natsUrl } = await openTestBed(t);
  const { home, writeSources } = openHome(t);
  writeSources([GITHUB]);
  const program = startProgram(t, home, natsUrl, false);
  assert.deepEqual(await program.exit, [78, null]);
  assert.match(program.output(), /the broker is not safe to run on/);
});

for (const [name, sources] of [
  ['an empty secret', [{ ...GITHUB, secrets: [{ value: '' }] }]],
  ['no secret', [{ ...GITHUB, secrets: [] }]],
  ['a source that is no list', {}],
] as const) {
  test(`${name} refuses to start, with 78`, async (t) => {
    const { home, writeSources } = openHome(t);
    writeSources(sources);
    const program = startProgram(t, home, 'nats://127.0.0.1:1');
    assert.deepEqual(await program.exit, [78, null]);
    assert.match(program.output(), /problem\(s\) in the sources/);
  });
}
