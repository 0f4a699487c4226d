import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrokerBinary } from './broker-binary.ts';
import { asOneBroker, startBrokerCluster } from './broker-cluster.ts';
import { createBroker } from './broker.ts';
import { localHome } from './local-home.ts';
import { findFreePort } from './port.ts';
import { createPostgres } from './postgres.ts';
import { testBrokers } from './test-brokers.ts';

/** More tests than this in one run want a larger number; 500 accounts cost the broker 0.2 s at its start. */
export const testAccounts = 500;

/** What a run of tests shares: one broker with many accounts, one database server. */
export interface TestServers {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  /** For tests that run a broker of their own. */
  readonly brokerBinary: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Starts both in a temporary folder that `stop` removes. */
export async function startTestServers(say: (line: string) => void): Promise<TestServers> {
  const brokerBinary = await findBrokerBinary({ cache: localHome('.visapi').cache, say });
  const folder = mkdtempSync(join(tmpdir(), 'visapi-test-'));
  const broker =
    testBrokers === 3
      ? asOneBroker(await startBrokerCluster({ accounts: testAccounts }))
      : createBroker({ binary: brokerBinary, folder: join(folder, 'nats'), port: await findFreePort(), accounts: testAccounts });
  const postgres = createPostgres({
    folder: join(folder, 'postgres'),
    port: await findFreePort(),
    logFile: join(folder, 'postgres.log'),
    durable: false,
  });
  const stop = async () => {
    await Promise.allSettled([broker.stop(), postgres.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([broker.start(), postgres.start()]);
  } catch (error) {
    await stop();
    throw error;
  }
  const pids = [broker.pid, postgres.pid].filter((pid) => pid !== undefined);
  return { natsUrl: broker.url, databaseUrl: postgres.url, brokerBinary, pids, stop };
}
