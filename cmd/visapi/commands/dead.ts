import { type Command, Option } from 'commander';
import { REJECT_REASONS } from '../../../lib/actor/verdict.ts';
import { readStored } from '../../../lib/jetstream/log-reader.ts';
import type { Database } from '../../../lib/store/database.ts';
import {
  type DeadLetterEntry,
  type DeadLetterFilter,
  deadLetterRounds,
  findDeadLetter,
  listDeadLetters,
} from '../../../lib/store/dead-letters.ts';
import { STREAMS } from '../../../streams/subjects.ts';
import { deadLetterText, readPayload } from '../dead-letter-view.ts';
import { localTime, parseCount, parseMoment } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { redeliver } from '../redelivery.ts';
import { whoami, withBroker, withDatabase } from '../session.ts';

interface FilterOptions {
  actor?: string;
  reason?: string;
  since?: string;
}

/** `visapi dead`: what actors gave up. */
export function registerDead(program: Command): void {
  const dead = program
    .command('dead')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead list --since 2h\n  $ visapi dead redeliver --actor slack --reason refused --since 2h --dry-run',
    );
  withFilter(dead.command('list'))
    .addOption(new Option('--status <status>', 'which ones').choices(['open', 'redelivered', 'resolved', 'any']).default('open'))
    .option('--limit <count>', 'at most', '50')
    .option('--after <id>', 'the page after this dead letter')
    .description('dead letters, newest first')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead list\n  $ visapi dead list --actor slack --reason refused --since 2h\n  $ visapi dead list --status any --json',
    )
    .action(
      async (options: FilterOptions & { status: DeadLetterEntry['status'] | 'any'; limit: string; after?: string }, command: Command) => {
        const output = outputOf(command);
        const { after } = options;
        const filter = { ...filterOf(options, output), after, status: options.status === 'any' ? undefined : options.status };
        const limit = parseCount('--limit', options.limit, 1, 1_000);
        const found = await withDatabase((database) => listDeadLetters(database, filter, limit));
        output.result(found, () => (found.length === 0 ? noneText(filter) : listText(found, limit)));
      },
    );
  dead
    .command('show')
    .argument('<id>', 'as visapi dead list shows it')
    .description("one dead letter: reason, attempts, the provider's whole answer, the raw payload")
    .addHelpText('after', '\nExamples:\n  $ visapi dead show slack:4qfrx2h7/notify:0\n  $ visapi dead show slack:4qfrx2h7/notify:0 --json')
    .action(
      async (id: string, _options: object, command: Command) => await withDatabase((database) => show(database, outputOf(command), id)),
    );
  withFilter(dead.command('redeliver'))
    .argument('[id...]', 'dead letters; or choose open ones by the options')
    .option('--dry-run', 'say what would happen, and do nothing')
    .option('--rate <count>', 'messages a second', '20')
    .option('--as-is', 'run the stored message again, also where its step was mended since')
    .option('--force', 'also where the run has moved on: the effect then happens, the run does not move')
    .description('let dead letters run again; what is recorded as done is not repeated')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi dead redeliver slack:4qfrx2h7/notify:0
  $ visapi dead redeliver --actor slack --reason refused --since 2h --dry-run
  $ visapi dead redeliver --actor slack --reason exhausted --since 09:00 --rate 5

Where the workflow has a newer version in which the step differs, the step is rendered again with that version.`,
    )
    .action(
      async (ids: string[], options: FilterOptions & { dryRun?: true; rate: string; asIs?: true; force?: true }, command: Command) => {
        const output = outputOf(command);
        const rate = parseCount('--rate', options.rate, 1, 10_000);
        const { dryRun = false, asIs = false, force = false } = options;
        const results = await withDatabase(async (database) => {
          const letters = await chosen(database, ids, filterOf(options, output));
          return await redeliver(database, letters, { dryRun, asIs, force, rate, who: whoami() });
        });
        const rows = results.map(({ id, action, detail, needsForce }) => [
          id,
          action,
          needsForce ? `${detail} (--force does it all the same)` : detail,
        ]);
        const head = dryRun ? 'Nothing is done; this would be:\n' : '';
        output.result(results, () =>
          rows.length === 0 ? 'No dead letter fits.' : `${head}${table(['dead letter', 'action', 'detail'], rows)}`,
        );
        const refused = results.filter(({ action }) => action === 'refused').length;
        if (refused > 0 && !dryRun) throw new CommandError(`${refused} of ${results.length} dead letters were not redelivered`);
      },
    );
}

function withFilter(command: Command): Command {
  return command
    .option('--actor <name>', 'only those of one actor')
    .addOption(new Option('--reason <reason>', 'only those with one reason').choices(REJECT_REASONS))
    .option('--since <when>', 'only those since then: 30m, 2h, 7d, HH:MM or RFC 3339');
}

function filterOf({ actor, reason, since }: FilterOptions, output: Output): DeadLetterFilter {
  const moment = since === undefined ? undefined : parseMoment('--since', since);
  if (moment !== undefined) output.note(`since ${localTime(moment)}`);
  return { actor, reason, since: moment };
}

/** More at once is more than a person can mean. */
const MAX_CHOSEN = 10_000;

/** Those that are named, or the open ones that fit, oldest first. */
async function chosen(database: Database, ids: readonly string[], filter: DeadLetterFilter): Promise<DeadLetterEntry[]> {
  if (ids.length > 0) return await Promise.all([...new Set(ids)].map((id) => find(database, id)));
  if (filter.actor === undefined && filter.reason === undefined && filter.since === undefined)
    throw new CommandError('expected ids of dead letters, or --actor, --reason or --since', { exitCode: exitCodes.wrongUsage });
  const letters = await listDeadLetters(database, { ...filter, status: 'open' }, MAX_CHOSEN + 1);
  if (letters.length > MAX_CHOSEN) throw new CommandError(`expected at most ${MAX_CHOSEN} dead letters, got more; narrow the choice`);
  return letters.reverse();
}

async function find(database: Database, id: string): Promise<DeadLetterEntry> {
  const letter = await findDeadLetter(database, id);
  if (letter === undefined) throw new CommandError(`there is no dead letter ${id}`, { exitCode: exitCodes.notFound });
  return letter;
}

async function show(database: Database, output: Output, id: string): Promise<void> {
  const letter = await find(database, id);
  const rounds = (await deadLetterRounds(database, letter)).map((each) => each.id);
  // Until its copy is confirmed the original is all there is.
  const [stream, seq] = letter.copySeq === null ? [letter.stream, letter.seq] : [STREAMS.deadLetters, letter.copySeq];
  const message = await withBroker((connection) => readStored(connection, stream, seq));
  const payload = message === undefined ? null : readPayload(message.body);
  const { headers = {} } = message ?? {};
  output.result({ ...letter, rounds, headers, payload }, () => deadLetterText({ letter, rounds, payload }));
}

function noneText({ actor, reason, since, status, after }: DeadLetterFilter): string {
  const which = [
    status === undefined ? 'No dead letters' : `No ${status} dead letters`,
    ...(actor === undefined ? [] : [`of actor ${actor}`]),
    ...(reason === undefined ? [] : [`with reason ${reason}`]),
    ...(since === undefined ? [] : [`since ${localTime(since)}`]),
    ...(after === undefined ? [] : [`after ${after}`]),
  ];
  return `${which.join(' ')}.`;
}

function listText(found: readonly DeadLetterEntry[], limit: number): string {
  const rows = found.map(({ at, id, reason, because, eventKey, status }) => [at, id, reason, because, eventKey, status]);
  const more = found.length < limit ? '' : `\nMore: --after ${found.at(-1)!.id}`;
  return `${table(['died', 'dead letter', 'reason', 'because', 'key', 'status'], rows)}${more}`;
}
