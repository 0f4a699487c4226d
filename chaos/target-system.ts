import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTestTool } from '../cmd/visapi/test-tool.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { openDatabase } from '../lib/store/database.ts';
import { STREAMS } from '../streams/subjects.ts';
import type { ChaosHome } from './chaos-home.ts';
import { auditWith } from './final-read.ts';
import { messagesAt, metricsAt, type ObservedSystem } from './observed-system.ts';
import { programOf, type Target } from './target-file.ts';
import type { Topology } from './topology.ts';
import { targetWorkload } from './workload.ts';

/** Enough that no two runs of a target meet. */
const RUN_BYTES = 4;

/** How many copies its log has. @throws AppError where its broker cannot be reached, or has no log */
export async function topologyOf(target: Target): Promise<Topology> {
  const connection = await connectBroker({ url: target.natsUrl, name: 'chaos' });
  try {
    const { config } = await requestApi<{ config: { num_replicas: number } }>(connection, `$JS.API.STREAM.INFO.${STREAMS.events}`);
    return config.num_replicas > 1 ? 'cluster' : 'single';
  } finally {
    await connection.close();
  }
}

/**
 * Opens what somebody else has started. Nothing of it is started, stopped or removed; what a run sends stays, as everything that is
 * accepted does.
 * @throws Error one sentence; what was opened is closed again
 */
export async function openTargetSystem(home: ChaosHome, target: Target): Promise<ObservedSystem> {
  const endings: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.splice(0).toReversed()) await end();
  };
  try {
    const folder = home.work;
    mkdirSync(folder, { recursive: true });
    endings.push(() => rmSync(folder, { recursive: true, force: true }));
    const connection = await connectBroker({ url: target.natsUrl, name: 'chaos' });
    endings.push(() => connection.close());
    const database = await openDatabase({ url: target.databaseUrl, applicationName: 'chaos', allowUnsafe: true });
    endings.push(() => database.close());
    const tool = createTestTool({ VISAPI_HOME: folder, NATS_URL: target.natsUrl });
    // With the role that the file names, whatever it is called there.
    tool.env['DATABASE_URL'] = target.databaseUrl;
    const urlsOf = (program: string): string[] =>
      Object.entries(target.opsUrls)
        .filter(([name]) => programOf(name) === program)
        .map(([, url]) => new URL('/readyz', url).toString());
    const readyUrls = { ingest: urlsOf('ingest'), processor: urlsOf('processor'), notifier: urlsOf('notifier') };
    const { sinkUrl, journals = [], demo } = target;
    const visapi: ObservedSystem['visapi'] = (...words) => tool.run(...words);
    const before = await auditWith(visapi, journals);
    if (typeof before === 'string') throw new Error(before);
    return {
      ingestUrl: target.ingestUrl.replace(/\/$/, ''),
      workload: targetWorkload(randomBytes(RUN_BYTES).toString('hex'), demo.source, demo.secret),
      readyUrls,
      journals,
      database,
      connection,
      folder,
      unaccountedBefore: new Map(before.unaccounted.map(({ what, count }) => [what, count])),
      messages: (filter) => (sinkUrl === undefined ? Promise.resolve(undefined) : messagesAt(sinkUrl, filter)),
      visapi,
      metrics: (name) => metricsAt(readyUrls[name]),
      keepLogs(into) {
        mkdirSync(into, { recursive: true });
        cpSync(join(folder, 'history.jsonl'), join(into, 'history.jsonl'));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
