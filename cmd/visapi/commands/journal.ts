import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { AppError } from '../../../lib/core/app-error.ts';
import { exportJournal, parseExport } from '../../../lib/journal/journal-export.ts';
import { glanceAtJournal } from '../../../lib/journal/journal-glance.ts';
import { importRecords } from '../../../lib/journal/journal-import.ts';
import { readToolConfig } from '../config.ts';
import { findAddresses } from '../connection.ts';
import { parseCount } from '../moment.ts';
import { journalText } from '../journal-view.ts';
import { CommandError, exitCodes, outputOf } from '../output.ts';

/** As INGEST_JOURNAL_MAX_BYTES: an import that made more wait would close the door. */
const DEFAULT_MAX_BYTES = '2147483648';

/** `visapi journal`: what the door holds until the log has it. It needs neither broker nor database. */
export function registerJournal(program: Command): void {
  const journal = program
    .command('journal')
    .addHelpText('after', '\nExamples:\n  $ visapi journal status\n  $ visapi journal export events.jsonl');
  journal
    .command('status')
    .option('--path <folder>', "the journal's folder (default: the local ingest's)")
    .description('what waits in a journal, and which process relays it; whether ingest runs or not')
    .addHelpText('after', '\nExamples:\n  $ visapi journal status\n  $ visapi journal status --path /mnt/old-replica/journal --json')
    .action(async (options: { path?: string }, command: Command) => {
      const glance = await glanceAtJournal(await pathOf(options)).catch(notFound);
      outputOf(command).result(glance, () => journalText(glance, new Date()));
      if (glance.damage !== undefined) throw new CommandError('the journal is damaged: an ingest that starts takes over what is readable');
    });
  journal
    .command('export')
    .argument('<file>', 'written anew: one JSON document per line, the body in base 64; - writes to standard output')
    .option('--path <folder>', "the journal's folder (default: the local ingest's)")
    .description('write everything that waits into a file, in order; of a damaged journal what is readable')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi journal export events.jsonl --path /mnt/old-replica/journal\n  $ visapi journal export - | head -n 5',
    )
    .action(async (file: string, options: { path?: string }, command: Command) => {
      const path = await pathOf(options);
      await glanceAtJournal(path).catch(notFound);
      const isStdout = file === '-';
      const target = isStdout ? 1 : openSync(file, 'w', 0o600);
      const result = exportJournal(path, (line) => appendFileSync(target, line));
      if (!isStdout) closeSync(target);
      const { records, unreadable, damage } = result;
      const text = `${records} records exported${unreadable > 0 ? `, ${unreadable} could not be read` : ''}`;
      const output = outputOf(command);
      if (damage !== undefined) output.note(`the journal is damaged: ${damage}`);
      if (isStdout) output.note(text);
      else output.result({ file, ...result }, () => text);
      if (unreadable > 0) throw new CommandError(`${unreadable} records could not be read`);
    });
  journal
    .command('import')
    .argument('<file>', 'as visapi journal export wrote it')
    .option('--path <folder>', "the journal's folder (default: the local ingest's)")
    .option('--max-bytes <bytes>', 'stop where more would wait: INGEST_JOURNAL_MAX_BYTES of the ingest', DEFAULT_MAX_BYTES)
    .description('take exported events into a journal; its ingest relays them, also while it runs; known ones are passed over')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi journal import events.jsonl\n  $ visapi journal import events.jsonl --path /mnt/new-replica/journal --json',
    )
    .action(async (file: string, options: { path?: string; maxBytes: string }, command: Command) => {
      const records = parseExport(readFileSync(file, 'utf8'));
      const result = await importRecords(
        await pathOf(options),
        records,
        parseCount('--max-bytes', options.maxBytes, 1, Number.MAX_SAFE_INTEGER),
      );
      const { imported, known, left } = result;
      outputOf(command).result(
        { file, ...result },
        () => `${imported} events imported, ${known} were known already, ${left} found no room`,
      );
      if (left > 0) throw new CommandError(`${left} events found no room: import the file again when the journal is relayed`);
    });
}

async function pathOf(options: { path?: string }): Promise<string> {
  if (options.path !== undefined) return options.path;
  const { journals } = await findAddresses();
  if (journals.length > 1)
    throw new CommandError(`expected --path: each ingest has a journal of its own, ${journals.join(' and ')}`, {
      exitCode: exitCodes.wrongUsage,
    });
  return journals[0] ?? readToolConfig().home.journal;
}

function notFound(error: unknown): never {
  if (error instanceof AppError && error.code === 'not_found') {
    throw new CommandError(error.message, { exitCode: exitCodes.notFound, cause: error.cause });
  }
  throw error;
}
