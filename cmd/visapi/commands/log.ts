import type { Command } from 'commander';
import { readBounds } from '../../../lib/jetstream/log-reader.ts';
import { STREAMS } from '../../../streams/subjects.ts';
import { trimEvents } from '../log-trim.ts';
import { localTime, parseMoment } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { withBroker, withDatabase } from '../session.ts';

/** GitHub and Stripe let people redeliver for three days, and whoever looks into a weekend's trouble does so on Monday. */
const KEEP_AT_LEAST_MS = 3 * 86_400_000;

/** `visapi log`: how full the log is, and how it gets room again. */
export function registerLog(program: Command): void {
  const log = program.command('log').addHelpText('after', '\nExamples:\n  $ visapi log status\n  $ visapi log trim --before 14d --dry-run');
  log
    .command('status')
    .description('how much of its limit each stream uses, and since when it has messages')
    .addHelpText('after', '\nExamples:\n  $ visapi log status\n  $ visapi log status --json')
    .action(async (_options: object, command: Command) => {
      const rows = await withBroker((connection) =>
        Promise.all(Object.values(STREAMS).map(async (stream) => ({ stream, ...(await readBounds(connection, stream)) }))),
      );
      outputOf(command).result(rows, () =>
        table(
          ['stream', 'messages', 'bytes', 'of', 'used', 'oldest'],
          rows.map(({ stream, messages, bytes, maxBytes, firstAt }) => [
            stream,
            messages,
            bytes,
            maxBytes,
            `${((100 * bytes) / maxBytes).toFixed(1)} %`,
            firstAt === undefined ? '' : localTime(new Date(firstAt)),
          ]),
        ),
      );
    });
  log
    .command('trim')
    .requiredOption('--before <when>', 'what was stored before that: 14d, or RFC 3339')
    .option('--dry-run', 'say what would go, and remove nothing')
    .option('--force', 'also what is younger than three days')
    .description('remove the oldest events that everybody is through with; what is waiting, open or failed stays, and all behind it')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi log trim --before 14d --dry-run
  $ visapi log trim --before 2026-11-01T00:00:00Z

What is removed cannot be replayed any more. Rows in the database stay: visapi trace still tells what became of it.`,
    )
    .action(async (options: { before: string; dryRun?: true; force?: true }, command: Command) => {
      const before = parseMoment('--before', options.before);
      if (options.force !== true && Date.now() - before.getTime() < KEEP_AT_LEAST_MS)
        throw new CommandError('--before: expected at least three days ago (--force takes less)', { exitCode: exitCodes.wrongUsage });
      const isDryRun = options.dryRun === true;
      const trim = await withBroker((connection) => withDatabase((database) => trimEvents({ connection, database, before, isDryRun })));
      const { messages, keepFrom, held, isDone } = trim;
      const what = `${messages} events ${isDone || messages === 0 ? 'removed' : 'would be removed'}; the log begins at sequence ${keepFrom}`;
      const why = held === undefined ? '' : `\nNot all that was asked for: sequence ${held.seq} is ${held.because}`;
      outputOf(command).result(trim, () => `${what}.${why}`);
    });
}
