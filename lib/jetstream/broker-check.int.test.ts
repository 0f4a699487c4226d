import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { findBrokerBinary } from '../dev/broker-binary.ts';
import { createBroker } from '../dev/broker.ts';
import { localHome } from '../dev/local-home.ts';
import { findFreePort } from '../dev/port.ts';
import { checkBroker } from './broker-check.ts';
import { connectBroker } from './connection.ts';

async function openMonitored(t: TestContext, syncAlways: boolean) {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const binary = process.env['VISAPI_NATS_SERVER'] ?? (await findBrokerBinary({ cache: localHome('.visapi').cache, say }));
  const folder = mkdtempSync(join(tmpdir(), 'visapi-check-'));
  const monitorPort = await findFreePort();
  const broker = createBroker({ binary, folder, port: await findFreePort(), monitorPort, syncAlways });
  t.after(async () => {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await broker.start();
  const connection = await connectBroker({ url: broker.url, name: 'check' });
  t.after(() => connection.close());
  return { connection, monitorUrl: `http://127.0.0.1:${monitorPort}` };
}

function isUnsafe(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === 'unsafe_broker' && pattern.test(error.message);
}

test('a broker that fsyncs before it confirms is accepted, and says what it may store', async (t) => {
  const { connection, monitorUrl } = await openMonitored(t, true);
  const report = await checkBroker(connection, { monitorUrl, allowUnsafe: false });
  assert.deepEqual(report.problems, []);
  assert.ok(Number(report.storageBytes) > 0);
});

test('a broker with the default sync is refused, unless that is allowed', async (t) => {
  const { connection, monitorUrl } = await openMonitored(t, false);
  await assert.rejects(checkBroker(connection, { monitorUrl, allowUnsafe: false }), isUnsafe(/sync_interval: always/));
  const report = await checkBroker(connection, { monitorUrl, allowUnsafe: true });
  assert.equal(report.problems.length, 1);
});

test('what cannot be seen is not safe: no monitoring, none that answers, or that of another server', async (t) => {
  const [mine, other] = await Promise.all([openMonitored(t, true), openMonitored(t, true)]);
  await assert.rejects(checkBroker(mine.connection, { allowUnsafe: false }), isUnsafe(/set NATS_MONITOR_URL/));
  await assert.rejects(
    checkBroker(mine.connection, { monitorUrl: 'http://127.0.0.1:1', allowUnsafe: false }),
    isUnsafe(/127\.0\.0\.1:1\/varz/),
  );
  await assert.rejects(checkBroker(mine.connection, { monitorUrl: other.monitorUrl, allowUnsafe: false }), isUnsafe(/connected to/));
  await checkBroker(mine.connection, { monitorUrl: `${other.monitorUrl}, ${mine.monitorUrl}/`, allowUnsafe: false });
  const away = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
  await checkBroker(mine.connection, { monitorUrl: [mine.monitorUrl, other.monitorUrl, away[0]].join(), allowUnsafe: false });
  await assert.rejects(
    checkBroker(mine.connection, { monitorUrl: [mine.monitorUrl, ...away].join(), allowUnsafe: false }),
    isUnsafe(/127\.0\.0\.1:2\/varz/),
    'two of three may have been given anything',
  );
});
