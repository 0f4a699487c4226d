import { once } from 'node:events';
import type { Command } from 'commander';
import { removeReady, writeReady } from '../../../lib/dev/ready-file.ts';
import { readToolConfig } from '../config.ts';
import { devPanel } from '../dev-panel.ts';
import { createLocalStack } from '../local-stack.ts';
import { outputOf, type Output } from '../output.ts';

/** `visapi dev`: everything on this machine. */
export function registerDev(program: Command): void {
  program
    .command('dev')
    .option('--cluster', 'three brokers instead of one, every stream on all of them, and two of each program')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm start\n  $ npm start -- --cluster\n  $ INGEST_PORT=28080 npx visapi dev\n  $ npx visapi dev --json   # prints what .visapi/ready.json holds',
    )
    .action(async ({ cluster = false }: { cluster?: boolean }, command: Command) => runDev(outputOf(command), cluster));
}

async function runDev(output: Output, isCluster: boolean): Promise<void> {
  const told = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => told.abort());
  const config = readToolConfig();
  const stack = await createLocalStack(config, isCluster, (line) => output.note(`visapi: ${line}`));
  // A stop during the start makes the start fail; that is no error then.
  told.signal.addEventListener('abort', () => void stack.supervisor.stop());
  try {
    await stack.supervisor.start();
  } catch (error) {
    if (told.signal.aborted) return;
    throw error;
  }
  try {
    const ready = stack.ready();
    await writeReady(config.home.ready, ready);
    output.result(ready, () => devPanel(ready, config.home.logs));
    if (!told.signal.aborted) await once(told.signal, 'abort');
    output.note('visapi: stopping');
  } finally {
    await removeReady(config.home.ready);
    await stack.supervisor.stop();
  }
}
