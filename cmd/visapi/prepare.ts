import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { migrate } from '../../lib/store/migrate.ts';
import { applyWorkflow, listWorkflows } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import { CommandError } from './output.ts';

const demoWorkflow = 'examples/github-release-to-slack.yaml';

/** What has to be in broker and database before a program starts: tables, streams and, on the first start, the demo's workflow. */
export async function prepareStores(_natsUrl: string, databaseUrl: string, say: (line: string) => void): Promise<void> {
  const applied = await migrate(databaseUrl);
  if (applied.length > 0) say(`applied ${applied.length} migration(s)`);
  await loadDemo(databaseUrl, say);
}

/** A person's own workflows stay as they are: the demo comes only where there is none at all. */
async function loadDemo(databaseUrl: string, say: (line: string) => void): Promise<void> {
  const database = await openDatabase({ url: databaseUrl, applicationName: 'visapi dev', maxConnections: 1 });
  try {
    if ((await listWorkflows(database)).length > 0) return;
    const checked = compileText(await readFile(join(projectRoot, demoWorkflow), 'utf8'), 1);
    if (checked.kind !== 'right')
      throw new CommandError(`${demoWorkflow} has mistakes; visapi workflows validate ${demoWorkflow} names them`);
    const { definition } = checked.value;
    await applyWorkflow(database, { name: definition.name, document: definition, who: 'visapi dev' });
    say(`loaded the demo's workflow ${definition.name}`);
  } finally {
    await database.close();
  }
}
