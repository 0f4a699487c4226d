import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PORT_VARIABLES } from '../cmd/visapi/config.ts';
import type { Audit } from '../cmd/visapi/conservation-audit.ts';
import { findExample } from '../cmd/visapi/example-payload.ts';
import { providerHeaders } from '../cmd/visapi/provider-request.ts';
import { createTestTool } from '../cmd/visapi/test-tool.ts';
import { waitForExit } from '../lib/dev/child-process.ts';
import { localHome, projectRoot } from '../lib/dev/local-home.ts';
import { describeProcess, readPidFile } from '../lib/dev/pid-file.ts';
import { poll } from '../lib/dev/poll.ts';
import { findFreePorts } from '../lib/dev/port.ts';
import { readReady, type Ready } from '../lib/dev/ready-file.ts';
import { requestApiUntil } from '../lib/jetstream/api-request.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';

/** Two elections on a machine that has other things to do. */
const WITHIN_MS = 90_000;

/** `npm start` in a folder of its own, on ports that nobody has. */
async function openStage(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-start-'));
  const variables = Object.values(PORT_VARIABLES).map(({ env }) => env);
  const free = await findFreePorts(variables.length);
  const ports = Object.fromEntries(variables.map((env, index) => [env, String(free[index])]));
  const { run } = createTestTool({ VISAPI_HOME: folder });
  const running: ChildProcess[] = [];
  t.after(async () => {
    for (const child of running) {
      child.kill('SIGTERM');
      await waitForExit(child);
    }
    await rm(folder, { recursive: true, force: true });
  });
  return {
    home: localHome(folder),
    run,
    async start(...words: string[]): Promise<{ child: ChildProcess; ready: Ready }> {
      // What the runner tells its own processes is not for these.
      const env = { ...process.env, ...ports, VISAPI_HOME: folder, NODE_OPTIONS: '', NODE_COMPILE_CACHE: undefined };
      const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'start', ...words], { cwd: projectRoot, env, stdio: 'pipe' });
      running.push(child);
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      const isUp = (): boolean => said.includes('VisAPI runs.');
      await poll(() => (isUp() || child.exitCode !== null ? true : undefined), { deadlineMs: 150_000, what: 'npm start' });
      assert.ok(isUp(), said);
      const ready = await readReady(join(folder, 'ready.json'));
      assert.ok(ready);
      return { child, ready };
    },
  };
}

async function countMessages({ sinkUrl }: Ready): Promise<number> {
  return ((await (await fetch(`${sinkUrl}/messages`)).json()) as unknown[]).length;
}

/** The place of the broker that leads a stream among those of the cluster. */
async function leaderOf(ready: Ready, stream: string): Promise<number> {
  const connection = await connectBroker({ url: ready.natsUrl, name: 'test' });
  try {
    const info = await requestApiUntil<{ cluster: { leader: string }; config: { num_replicas: number } }>(
      connection,
      `$JS.API.STREAM.INFO.${stream}`,
      undefined,
      WITHIN_MS,
    );
    assert.equal(info.config.num_replicas, 3);
    return ready.natsUrl.split(',').findIndex((url) => info.cluster.leader === `visapi-${new URL(url).port}`);
  } finally {
    await connection.close();
  }
}

test(
  'a cluster on one machine bears the loss of a broker and of an ingest, and a single broker is not disturbed by it',
  { timeout: 600_000 },
  async (t) => {
    const stage = await openStage(t);
    const { event, payload } = findExample('release.published');
    // Without the tool, which asks the broker for the secret.
    const send = async ({ ingestUrl, demo }: Ready): Promise<void> => {
      const body = Buffer.from(JSON.stringify(payload));
      const { headers } = providerHeaders({ preset: 'github', secret: demo.secret, body, event, nowMs: Date.now() });
      // A connection of its own: one that is kept may be to a process that is no more.
      const sent = request(`${ingestUrl}/hooks/${demo.source}`, { method: 'POST', headers, agent: false }).end(body);
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, 202);
    };
    const arrives = (ready: Ready, count: number): Promise<true> =>
      poll(async () => ((await countMessages(ready)) === count ? true : undefined), { deadlineMs: WITHIN_MS, what: `message ${count}` });
    /** The log has so many events, each is accounted for, and done. */
    const areDone = (count: number): Promise<true> =>
      poll(
        async () => {
          const { code, stdout } = await stage.run('audit', '--json');
          if (code !== 0) return undefined;
          const { events, log, unaccounted } = JSON.parse(stdout) as Audit;
          assert.deepEqual([log.messages, unaccounted], [count, []]);
          return events.done === count ? true : undefined;
        },
        { deadlineMs: WITHIN_MS, what: `the audit of ${count} events` },
      );
    const end = async (name: string): Promise<void> => {
      const { pid } = readPidFile(stage.home.run, name) ?? assert.fail(`${name} does not run`);
      process.kill(pid, 'SIGKILL');
      await poll(() => (describeProcess(pid) ? undefined : true), { deadlineMs: WITHIN_MS, what: `the end of ${name}` });
    };

    const cluster = await stage.start('--cluster');
    assert.equal(cluster.ready.natsUrl.split(',').length, 3);
    assert.deepEqual(Object.keys(cluster.ready.opsUrls), [
      'ingest',
      'ingest-2',
      'processor',
      'processor-2',
      'renderer',
      'notifier',
      'notifier-2',
    ]);
    await send(cluster.ready);
    await arrives(cluster.ready, 1);

    const leader = await leaderOf(cluster.ready, 'EVENTS');
    await end(['nats', 'nats-2', 'nats-3'][leader] ?? '');
    await send(cluster.ready);
    await arrives(cluster.ready, 2);

    await end('ingest');
    await send(cluster.ready);
    await end('processor');
    await arrives(cluster.ready, 3);
    await areDone(3);
    const { stdout } = await stage.run('streams', 'plan', '--json');
    assert.doesNotMatch(stdout, /"field": "num_replicas"/, 'the plan is for as many copies as there are');

    process.kill(readPidFile(stage.home.run, 'supervisor')?.pid ?? 0, 'SIGKILL');
    await waitForExit(cluster.child);
    const single = await stage.start();
    assert.deepEqual([single.ready.replicas, single.ready.natsUrl.includes(',')], [1, false]);
    await send(single.ready);
    await arrives(single.ready, 4);
    const own = JSON.parse((await stage.run('audit', '--json')).stdout) as Audit;
    assert.equal(own.log.messages, 1, 'its log is another one');

    single.child.kill('SIGTERM');
    await waitForExit(single.child);
    assert.equal(single.child.exitCode, 0);
    assert.deepEqual(
      readdirSync(stage.home.run).filter((name) => name.endsWith('.pid')),
      [],
    );
  },
);
