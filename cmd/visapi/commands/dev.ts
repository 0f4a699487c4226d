import type { Command } from 'commander';

/** `visapi dev`: everything on this machine. */
export function registerDev(program: Command): void {
  program
    .command('dev')
    .description('run everything on this machine: broker, database, programs and a local Slack')
    .addHelpText('after', '\nExamples:\n  $ npm start\n  $ INGEST_PORT=28080 npx visapi dev')
    .action(async () => {});
}
