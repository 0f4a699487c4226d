import type { Command } from 'commander';
import { AppError } from '../../../lib/core/app-error.ts';
import { readWaitingNumbers, type WaitingNumbers } from '../../../lib/journal/journal-glance.ts';
import { auditText } from '../audit-view.ts';
import { findAddresses } from '../connection.ts';
import { auditEvents } from '../conservation-audit.ts';
import { CommandError, outputOf } from '../output.ts';
import { withBroker, withDatabase } from '../session.ts';

/** `visapi audit`: proves that every accepted event is somewhere. */
export function registerAudit(program: Command): void {
  program
    .command('audit')
    .option('--journal <folder...>', "journals whose files are here (default: the local ingests', where there are some)")
    .description('account for every accepted event: in a journal, in the log, and what became of it; it changes nothing')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi audit
  $ visapi audit --journal /var/lib/visapi/journal /mnt/old-replica/journal
  $ visapi audit --json

It ends with 1 where an event is not accounted for. A journal whose file is somewhere else is judged by its gaps in the log alone.`,
    )
    .action(async (options: { journal?: string[] }, command: Command) => {
      const output = outputOf(command);
      const journals = await readJournals(options.journal);
      const audit = await withBroker((connection) => withDatabase((database) => auditEvents({ connection, database, journals })));
      output.result(audit, () => auditText(audit));
      const count = audit.unaccounted.reduce((sum, each) => sum + each.count, 0);
      if (count > 0) throw new CommandError(`${count} not accounted for; runbooks/unaccounted-events.md says what to do`);
    });
}

async function readJournals(paths: readonly string[] | undefined): Promise<WaitingNumbers[]> {
  if (paths !== undefined) return await Promise.all(paths.map(readWaitingNumbers));
  const { journals } = await findAddresses();
  const own = await Promise.all(
    journals.map((path) =>
      readWaitingNumbers(path).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'not_found') return undefined;
        throw error;
      }),
    ),
  );
  return own.filter((journal) => journal !== undefined);
}
