import { type Command } from 'commander';
import { AppError } from '../../../lib/core/app-error.ts';
import type { BrokerConnection } from '../../../lib/jetstream/connection.ts';
import { readStored } from '../../../lib/jetstream/log-reader.ts';
import { readRejected, readSummary } from '../../../lib/webhook/rejected-request.ts';
import { parseSubject, STREAMS } from '../../../streams/subjects.ts';
import { readPayload } from '../dead-letter-view.ts';
import { localTime, parseCount, parseMoment } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf } from '../output.ts';
import { type Readmission, readmit } from '../readmission.ts';
import { discardRejected } from '../rejected-discard.ts';
import { listRejected, readRejectedEntries, type RejectedEntry, type RejectedFilter } from '../rejected-requests.ts';
import { countReadmissions, countsText, entriesText, readmissionsText, rejectedJson, rejectedText } from '../rejected-view.ts';
import { openSeal, whoami, withBroker, withDatabase } from '../session.ts';

interface FilterOptions {
  source?: string;
  reason?: string;
  since?: string;
}

/** Named one by one in the result; the counts tell of all. */
const LEFT_NAMED = 100;
/** Who waits for thousands wants to see that it goes on. */
const NOTE_EVERY_MS = 2_000;

/** `visapi rejected`: requests that could not be verified. */
export function registerRejected(program: Command): void {
  const rejected = program
    .command('rejected')
    .addHelpText('after', '\nExamples:\n  $ visapi rejected list\n  $ visapi rejected readmit --source github --dry-run');
  registerList(rejected);
  registerShow(rejected);
  registerReadmit(rejected);
  registerDiscard(rejected);
}

function registerList(rejected: Command): void {
  withFilter(rejected.command('list'))
    .option('--limit <count>', 'at most', '50')
    .option('--after <request>', 'the page after this request', '0')
    .description('how many there are by source and reason, then the requests, oldest first')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi rejected list\n  $ visapi rejected list --source github --reason wrong_signature --since 1d --json',
    )
    .action(async (options: FilterOptions & { limit: string; after: string }, command: Command) => {
      const output = outputOf(command);
      const filter = filterOf(options, output);
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const after = parseCount('--after', options.after, 0, Number.MAX_SAFE_INTEGER);
      const found = await withBroker((connection) => listRejected(connection, filter, { after, limit }));
      output.result(found, () =>
        found.counts.length === 0 ? 'No rejected request.' : `${countsText(found.counts)}\n${entriesText(found.requests, limit)}`,
      );
    });
}

function registerShow(rejected: Command): void {
  rejected
    .command('show')
    .argument('<request>', 'as visapi rejected list shows it')
    .description('one request: headers with credentials masked, and the body')
    .addHelpText('after', '\nExamples:\n  $ visapi rejected show 1042\n  $ visapi rejected show 1042 --json')
    .action(async (seq: string, _options: object, command: Command) => {
      const detail = await withBroker((connection) => findRejected(connection, parseSeq(seq)));
      outputOf(command).result(rejectedJson(detail), () => rejectedText(detail));
    });
}

function registerReadmit(rejected: Command): void {
  withFilter(rejected.command('readmit'))
    .option('--dry-run', 'judge them, and admit nothing')
    .description('judge them again with the secrets of now and the clock of their receipt; the genuine ones become events')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi rejected readmit --source github --dry-run
  $ visapi rejected readmit --source github
  $ visapi rejected readmit --source github --since 2d --reason wrong_signature

Mend the secret first: visapi sources rotate. An ingest has to run. What is admitted leaves the list, what is still refused
stays in it. It may be ended and run again at any time: nothing becomes an event twice.`,
    )
    .action(async (options: FilterOptions & { dryRun?: true }, command: Command) => {
      const output = outputOf(command);
      const filter = filterOf(options, output);
      if (filter.source === undefined) throw new CommandError('expected --source <name>', { exitCode: exitCodes.wrongUsage });
      const isDryRun = options.dryRun === true;
      const readmissions = await withBroker(async (connection) => {
        const entries = await readRejectedEntries(connection, filter);
        let notedAt = performance.now();
        const onProgress = (done: number) => {
          if (performance.now() - notedAt < NOTE_EVERY_MS) return;
          notedAt = performance.now();
          output.note(`${done} of ${entries.length} judged`);
        };
        return await readmit(connection, entries, { isDryRun, onProgress });
      });
      if (!isDryRun && readmissions.length > 0) await tellAudit(filter.source, readmissions, output);
      const left = readmissions.filter(({ outcome }) => !['admitted', 'admissible', 'duplicate', 'gone'].includes(outcome));
      output.result({ isDryRun, counts: countReadmissions(readmissions), left: left.slice(0, LEFT_NAMED) }, () =>
        readmissions.length === 0
          ? 'No rejected request fits.'
          : `${isDryRun ? 'Nothing is done; this would be:\n' : ''}${readmissionsText(readmissions)}`,
      );
    });
}

/** Best effort: a readmission has to work while the database is away, and ingest's log tells of it too. */
async function tellAudit(source: string, readmissions: readonly Readmission[], output: Output): Promise<void> {
  const { writeAudit } = await import('../../../lib/store/audit-log.ts');
  const entry = { who: whoami(), action: 'rejected.readmit', target: source, detail: { counts: countReadmissions(readmissions) } };
  try {
    await withDatabase((database) => writeAudit(database.tables, entry));
  } catch {
    output.note('the audit log could not be written: the database does not answer');
  }
}

function registerDiscard(rejected: Command): void {
  withFilter(rejected.command('discard'))
    .argument('[request...]', 'as visapi rejected list shows them; or choose them by the options')
    .requiredOption('--because <reason>', 'why; it goes into the audit log')
    .description('remove them for good')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi rejected discard 1042 1043 --because "a scanner"\n  $ visapi rejected discard --source github --reason no_signature --because "not from GitHub"',
    )
    .action(async (seqs: string[], options: FilterOptions & { because: string }, command: Command) => {
      const output = outputOf(command);
      const { because } = options;
      const filter = filterOf(options, output);
      if (seqs.length === 0 && filter.source === undefined)
        throw new CommandError('expected requests, or --source <name>', { exitCode: exitCodes.wrongUsage });
      const chosen = seqs.length === 0 ? { filter } : { seqs: seqs.map(parseSeq) };
      // The audit log comes first: what it cannot tell is not done.
      const discarded = await withDatabase((database) =>
        withBroker((connection) => discardRejected(connection, database, { ...chosen, because, who: whoami() })),
      );
      output.result(discarded, () =>
        discarded.removed === 0 ? 'No rejected request fits.' : `${countsText(discarded.counts)}\n${discarded.removed} removed.`,
      );
    });
}

function withFilter(command: Command): Command {
  return command
    .option('--source <name>', 'only those of one source')
    .option('--reason <reason>', 'only those with one reason, as visapi rejected list shows it')
    .option('--since <when>', 'only those received since then: 30m, 2h, 7d, HH:MM or RFC 3339');
}

function filterOf({ source, reason, since }: FilterOptions, output: Output): RejectedFilter {
  for (const [option, name] of [
    ['--source', source],
    ['--reason', reason],
  ])
    if (name !== undefined && !/^[a-z0-9_-]{1,64}$/.test(name))
      throw new CommandError(`${option}: expected 1 to 64 of a-z, 0-9, _ and -, got ${name}`, { exitCode: exitCodes.wrongUsage });
  const moment = since === undefined ? undefined : parseMoment('--since', since);
  if (moment !== undefined) output.note(`since ${localTime(moment)}`);
  return { source, reason, since: moment };
}

function parseSeq(text: string): number {
  return parseCount('request', text, 1, Number.MAX_SAFE_INTEGER);
}

async function findRejected(connection: BrokerConnection, seq: number) {
  const stored = await readStored(connection, STREAMS.rejected, seq);
  const subject = stored === undefined ? undefined : parseSubject(stored.subject);
  if (stored === undefined || subject?.kind !== 'rejected')
    throw new CommandError(`there is no rejected request ${seq}`, { exitCode: exitCodes.notFound });
  const { source, reason } = subject;
  const { headers, body } = stored;
  const receivedAt = new Date(readSummary((name) => headers[name] ?? '').receivedAtMs).toISOString();
  const entry: RejectedEntry = { seq, source, reason, receivedAt, bodyBytes: body.byteLength };
  return { entry, request: await unseal({ source, headers, body }), payload: readPayload(body) };
}

/** The request, or why it cannot be opened. */
async function unseal(stored: Parameters<typeof readRejected>[0]) {
  const seal = await openSeal();
  if (seal === undefined) return 'its headers are sealed; give VISAPI_SECRETS_KEY_FILE the key of ingest to see them';
  try {
    return readRejected(stored, seal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'cannot_unseal') return error.message;
    throw error;
  }
}
