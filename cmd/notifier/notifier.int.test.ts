import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HEADERS } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { nodeEnvironment } from '../../lib/dev/program.ts';
import { poll } from '../../lib/dev/poll.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { startSink } from '../../lib/sink/sink.ts';
import { demoSlackChannels } from '../../lib/sink/workspace.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { commandSubject } from '../../streams/subjects.ts';

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  await poll(async () => (await condition()) || undefined, { deadlineMs: 60_000, what });
}

test('the program is ready, sends a command of the log once, tells its run, and stops cleanly', async (t) => {
  const bed = await openTestBed(t);
  const sink = await startSink({ port: 0 });
  const connection = await connectBroker({ url: bed.natsUrl, name: 'test' });
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
    await sink.stop();
  });
  const folder = mkdtempSync(join(tmpdir(), 'visapi-notifier-'));
  const channels = join(folder, 'channels.json');
  writeFileSync(channels, demoSlackChannels(sink.url));
  for (const config of logStreams({ totalBytes: 256 * 1024 ** 2 }))
    await requestApi(connection, `$JS.API.STREAM.CREATE.${config.name}`, config, 30_000);

  const opsPort = await findFreePort();
  const notifier = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: {
      ...nodeEnvironment,
      NATS_URL: bed.natsUrl,
      DATABASE_URL: bed.databaseUrl,
      SLACK_CHANNELS_FILE: channels,
      SLACK_API_URL: `${sink.url}/api`,
      EGRESS_ALLOW: sink.url,
      NOTIFIER_OPS_PORT: String(opsPort),
      ALLOW_UNSAFE_BROKER: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  notifier.stdout.on('data', (bytes: Buffer) => (log += bytes.toString()));
  const ended = once(notifier, 'close');
  t.after(async () => {
    notifier.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });

  const ops = async (path: string) => await fetch(`http://127.0.0.1:${opsPort}${path}`).catch(() => undefined);
  await until('it is ready', async () => (await ops('/readyz'))?.ok === true);

  const results: string[] = [];
  connection.nats.subscribe('commands.*.*.workflow', {
    callback: (_error, message) => void results.push(message.headers?.get(HEADERS.id) ?? ''),
  });
  const key = 'acme/app';
  for (const [id, channel] of [
    ['r1/notify', '#releases'],
    ['r2/notify', '#alerts'],
  ] as const)
    await publisher.publish(
      {
        id,
        key,
        subject: commandSubject({ priority: 'critical', slot: slotOf(key), actor: 'slack' }),
        headers: { [HEADERS.run]: id.slice(0, 2), [HEADERS.step]: 'notify' },
        body: Buffer.from(JSON.stringify({ channel, text: id })),
      },
      AbortSignal.timeout(30_000),
    );
  await until('both runs are told', async () => results.length === 2);
  assert.deepEqual(results.toSorted(), ['r1/notify/result', 'r2/notify/result']);
  const messages = (await (await fetch(`${sink.url}/messages`)).json()) as { text: string }[];
  assert.deepEqual(messages.map(({ text }) => text).toSorted(), ['r1/notify', 'r2/notify']);
  assert.match((await (await ops('/metrics'))?.text()) ?? '', /visapi_egress_requests_total\{channel="#releases",outcome="sent"\} 1/);

  notifier.kill('SIGTERM');
  const [code] = (await ended) as [number | null];
  assert.equal(code, 0, log);
  assert.doesNotMatch(log, /localpeer|xoxb-/);
});
