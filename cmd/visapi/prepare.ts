import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../lib/core/app-error.ts';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { poll } from '../../lib/dev/poll.ts';
import type { ReadyDemo } from '../../lib/dev/ready-file.ts';
import { type BrokerConnection, connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams, planStreams } from '../../lib/jetstream/stream-plan.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { migrate } from '../../lib/store/migrate.ts';
import { applyWorkflow, listWorkflows } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { DEFAULT_LOG_BYTES, MIN_LOG_BYTES } from '../../streams/stream-sizes.ts';
import { ensureDemoSettings } from './demo-settings.ts';
import type { LocalDatabase } from './local-database.ts';
import { CommandError } from './output.ts';

/** One takes 4 to 9 s, and a busy machine may need a second one. */
const ELECTIONS_MS = 60_000;

const demoWorkflows = ['examples/github-release-to-slack.yaml', 'examples/order-paid-to-pdf.yaml'];

export interface BrokerPlan {
  readonly url: string;
  /** Copies of every stream that is not there yet. */
  readonly replicas: number;
  /** Where the text of the demo's key is kept. */
  readonly keyFile: string;
  readonly say: (line: string) => void;
}

/** What has to be in the broker before a program starts: streams, and the demo's sources and key. */
export async function prepareBroker({ url, replicas, keyFile, say }: BrokerPlan): Promise<ReadyDemo> {
  const connection = await connectBroker({ url, name: 'visapi dev' });
  try {
    // Brokers that have just found each other elect, and then each stream does.
    await poll(() => whereItAnswers(() => prepareStreams(connection, replicas, say)), {
      deadlineMs: ELECTIONS_MS,
      everyMs: 200,
      what: `a majority of the brokers at ${url} (see .visapi/logs)`,
    });
    return await ensureDemoSettings(connection, keyFile, say);
  } finally {
    await connection.close();
  }
}

/** @returns undefined where the broker does not answer yet */
async function whereItAnswers(run: () => Promise<void>): Promise<true | undefined> {
  try {
    await run();
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'broker_unavailable') return undefined;
    throw error;
  }
}

/** What has to be in the database: tables, the roles' passwords and, on the first start, the demo's workflows. */
export async function prepareDatabase(database: LocalDatabase, say: (line: string) => void): Promise<void> {
  const applied = await migrate(database.ownerUrl);
  if (applied.length > 0) say(`applied ${applied.length} migration(s)`);
  await Promise.all([database.admitPrograms(), loadDemo(database.ownerUrl, say)]);
}

/** A stream that is there keeps its own size: whoever enlarged or shrank it has said so with `visapi streams apply`. */
async function prepareStreams(connection: BrokerConnection, replicas: number, say: (line: string) => void): Promise<void> {
  const { bavail, bsize } = await statfs(projectRoot);
  // A quarter of what is free, all copies together: a broker takes no more than three, and the machine has other things to store.
  const totalBytes = Math.max(MIN_LOG_BYTES, Math.min(DEFAULT_LOG_BYTES, Math.floor((bavail * bsize) / 4 / replicas)));
  const existing = await planStreams(connection, logStreams({ totalBytes, replicas }));
  const missing = existing.flatMap((step) => (step.kind === 'create' ? [step.config] : []));
  await applyStreams(connection, missing);
  if (missing.length > 0) say(`created stream(s) ${missing.map(({ name }) => name).join(', ')}`);
}

/** A person's own workflows stay as they are: the demo comes only where there is none at all. */
async function loadDemo(databaseUrl: string, say: (line: string) => void): Promise<void> {
  const database = await openDatabase({ url: databaseUrl, applicationName: 'visapi dev', maxConnections: 1 });
  try {
    if ((await listWorkflows(database)).length > 0) return;
    for (const path of demoWorkflows) {
      const checked = compileText(await readFile(join(projectRoot, path), 'utf8'), 1);
      if (checked.kind !== 'right') throw new CommandError(`${path} has mistakes; visapi workflows validate ${path} names them`);
      const { definition } = checked.value;
      await applyWorkflow(database, { name: definition.name, document: definition, who: 'visapi dev' });
      say(`loaded the demo's workflow ${definition.name}`);
    }
  } finally {
    await database.close();
  }
}
