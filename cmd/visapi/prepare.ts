import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { applyStreams, planStreams } from '../../lib/jetstream/stream-plan.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { migrate } from '../../lib/store/migrate.ts';
import { applyWorkflow, listWorkflows } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import { logStreams } from '../../streams/log-streams.ts';
import { DEFAULT_LOG_BYTES, MIN_LOG_BYTES } from '../../streams/stream-sizes.ts';
import { CommandError } from './output.ts';

const demoWorkflows = ['examples/github-release-to-slack.yaml', 'examples/order-paid-to-pdf.yaml'];

/** What has to be in broker and database before a program starts: tables, streams and, on the first start, the demo's workflows. */
export async function prepareStores(natsUrl: string, databaseUrl: string, say: (line: string) => void): Promise<void> {
  await prepareStreams(natsUrl, say);
  const applied = await migrate(databaseUrl);
  if (applied.length > 0) say(`applied ${applied.length} migration(s)`);
  await loadDemo(databaseUrl, say);
}

/** A stream that is there keeps its own size: whoever enlarged or shrank it has said so with `visapi streams apply`. */
async function prepareStreams(natsUrl: string, say: (line: string) => void): Promise<void> {
  const connection = await connectBroker({ url: natsUrl, name: 'visapi dev' });
  try {
    const { bavail, bsize } = await statfs(projectRoot);
    // A quarter of what is free: the broker itself takes no more than three, and the machine has other things to store.
    const totalBytes = Math.max(MIN_LOG_BYTES, Math.min(DEFAULT_LOG_BYTES, Math.floor((bavail * bsize) / 4)));
    const existing = await planStreams(connection, logStreams({ totalBytes }));
    const missing = existing.flatMap((step) => (step.kind === 'create' ? [step.config] : []));
    await applyStreams(connection, missing);
    if (missing.length > 0) say(`created stream(s) ${missing.map(({ name }) => name).join(', ')}`);
  } finally {
    await connection.close();
  }
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
