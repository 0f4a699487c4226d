import { type Command, Option } from 'commander';
import { readStored } from '../../../lib/jetstream/log-reader.ts';
import type { Database } from '../../../lib/store/database.ts';
import { groupDeadLetters } from '../../../lib/store/dead-letter-groups.ts';
import { readDeadLetterStory } from '../../../lib/store/dead-letter-story.ts';
import { type DeadLetterEntry, listDeadLetters } from '../../../lib/store/dead-letters.ts';
import { discardDeadLetters } from '../../../lib/store/discard.ts';
import { STREAMS } from '../../../streams/subjects.ts';
import { chooseLetters, type FilterOptions, filterOf, findLetter, noneText, withFilter } from '../dead-letter-choice.ts';
import type { EditOptions } from '../edited-payload.ts';
import { deadLetterText, groupsText, lettersText, readPayload } from '../dead-letter-view.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { redeliver } from '../redelivery.ts';
import { whoami, withBroker, withDatabase } from '../session.ts';

type Status = DeadLetterEntry['status'] | 'any';

/** `visapi dead`: what actors gave up. */
export function registerDead(program: Command): void {
  const dead = program
    .command('dead')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead groups --since 2h\n  $ visapi dead list --since 2h\n  $ visapi dead redeliver --actor slack --reason refused --since 2h --dry-run',
    );
  registerLooks(dead);
  registerRedeliver(dead);
  registerEdit(dead);
  registerDiscard(dead);
}

function withStatus(command: Command): Command {
  return command.addOption(
    new Option('--status <status>', 'which ones').choices(['open', 'redelivered', 'resolved', 'discarded', 'any']).default('open'),
  );
}

function registerLooks(dead: Command): void {
  withStatus(withFilter(dead.command('groups')))
    .option('--limit <count>', 'at most', '50')
    .description('dead letters by their cause, the largest group first: ids, numbers and times in a reason make no other cause')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead groups\n  $ visapi dead groups --actor slack --since 2h\n  $ visapi dead redeliver --group 3f1c0d9a2b --dry-run',
    )
    .action(async (options: FilterOptions & { status: Status; limit: string }, command: Command) => {
      const output = outputOf(command);
      const filter = { ...filterOf(options, output), status: options.status === 'any' ? undefined : options.status };
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const groups = await withDatabase((database) => groupDeadLetters(database, filter, limit));
      output.result(groups, () => (groups.length === 0 ? noneText(filter) : groupsText(groups)));
    });
  withStatus(withFilter(dead.command('list')))
    .option('--limit <count>', 'at most', '50')
    .option('--after <id>', 'the page after this dead letter')
    .description('dead letters, newest first')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead list\n  $ visapi dead list --actor slack --reason refused --since 2h\n  $ visapi dead list --status any --json',
    )
    .action(async (options: FilterOptions & { status: Status; limit: string; after?: string }, command: Command) => {
      const output = outputOf(command);
      const { after } = options;
      const filter = { ...filterOf(options, output), after, status: options.status === 'any' ? undefined : options.status };
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const found = await withDatabase((database) => listDeadLetters(database, filter, limit));
      output.result(found, () => (found.length === 0 ? noneText(filter) : lettersText(found, limit)));
    });
  dead
    .command('show')
    .argument('<id>', 'as visapi dead list shows it')
    .description("one dead letter: reason, every attempt of every round, the provider's whole answer, the raw payload")
    .addHelpText('after', '\nExamples:\n  $ visapi dead show slack:4qfrx2h7/notify:0\n  $ visapi dead show slack:4qfrx2h7/notify:0 --json')
    .action(
      async (id: string, _options: object, command: Command) => await withDatabase((database) => show(database, outputOf(command), id)),
    );
}

function registerRedeliver(dead: Command): void {
  withFilter(dead.command('redeliver'))
    .argument('[id...]', 'dead letters; or choose open ones by the options')
    .option('--dry-run', 'say what would happen, and do nothing')
    .option('--rate <count>', 'messages a second', '20')
    .option('--as-is', 'run the stored message again, also where its step was mended since')
    .option('--force', 'also what has moved on (the effect then happens, the run does not move), was discarded, or died again and again')
    .description('let dead letters run again; what is recorded as done is not repeated')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi dead redeliver slack:4qfrx2h7/notify:0
  $ visapi dead redeliver --actor slack --reason refused --since 2h --dry-run
  $ visapi dead redeliver --actor slack --reason exhausted --since 09:00 --rate 5
  $ visapi dead redeliver --group 3f1c0d9a2b

Where the workflow has a newer version in which the step differs, the step is rendered again with that version. What has died three times
is left out where the options choose it: look at it, and name it.`,
    )
    .action(
      async (ids: string[], options: FilterOptions & { dryRun?: true; rate: string; asIs?: true; force?: true }, command: Command) => {
        const output = outputOf(command);
        const rate = parseCount('--rate', options.rate, 1, 10_000);
        const { dryRun = false, asIs = false, force = false } = options;
        const results = await withDatabase(async (database) => {
          const letters = await chooseLetters(database, ids, filterOf(options, output));
          return await redeliver(database, letters, { dryRun, asIs, force, isBulk: ids.length === 0, rate, who: whoami() });
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

function registerEdit(dead: Command): void {
  dead
    .command('edit')
    .argument('<id>', 'as visapi dead list shows it')
    .option('--data <json>', 'the whole payload: JSON, or @<file>')
    .option('--patch <operations>', 'a JSON patch (RFC 6902): a list of operations, or @<file>')
    .option('--dry-run', 'say what would change, and do nothing')
    .option('--force', 'also where its run has moved on, or it was discarded')
    .description('let a dead letter run again with another payload, out of EDITOR or the options; the original stays')
    .addHelpText(
      'after',
      `
Examples:
  $ EDITOR=nano visapi dead edit slack:4qfrx2h7/notify:0
  $ visapi dead edit slack:4qfrx2h7/notify:0 --patch '[{"op":"replace","path":"/channel","value":"#alerts"}]' --dry-run
  $ visapi dead edit slack:4qfrx2h7/notify:0 --data @payload.json`,
    )
    .action(async (id: string, options: EditOptions & { dryRun?: true; force?: true }, command: Command) => {
      const output = outputOf(command);
      const { editDeadLetter } = await import('../dead-letter-edit.ts');
      const edit = await withDatabase(async (database) => {
        const letter = await findLetter(database, id);
        return await editDeadLetter(
          database,
          letter,
          { ...options, dryRun: options.dryRun ?? false, force: options.force ?? false },
          output,
        );
      });
      if (edit.doneEffects.length > 0)
        output.note(`recorded as done, and not repeated whatever the payload says: ${edit.doneEffects.join(', ')}`);
      const head = edit.copySeq === null ? 'Nothing is done; this would change:' : `It runs again, as DEAD_LETTERS ${edit.copySeq}, with:`;
      output.result(edit, () => `${head}\n${edit.changes}`);
    });
}

function registerDiscard(dead: Command): void {
  withFilter(dead.command('discard'), { byReason: false })
    .argument('[id...]', 'dead letters; or choose open ones by the options')
    .requiredOption('--reason <text>', 'why nothing is to be done; it stays with each of them, and in the audit log')
    .option('--dry-run', 'say which ones, and do nothing')
    .description('put dead letters aside for good; they stay readable, and visapi dead redeliver --force brings one back')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi dead discard slack:4qfrx2h7/notify:0 --reason "the channel was a test"\n  $ visapi dead discard --group 3f1c0d9a2b --reason "the shop was closed" --dry-run',
    )
    .action(async (ids: string[], { reason, dryRun, ...options }: FilterOptions & { reason: string; dryRun?: true }, command: Command) => {
      const output = outputOf(command);
      if (reason.trim() === '') throw new CommandError('--reason: expected why, got nothing', { exitCode: exitCodes.wrongUsage });
      const { letters, discarded } = await withDatabase(async (database) => {
        const chosen = await chooseLetters(database, ids, filterOf(options, output));
        if (dryRun === true) return { letters: chosen, discarded: [] };
        return {
          letters: chosen,
          discarded: await discardDeadLetters(
            database,
            chosen.map(({ id }) => id),
            { because: reason, who: whoami() },
          ),
        };
      });
      output.result({ chosen: letters.map(({ id }) => id), discarded }, () =>
        dryRun === true
          ? `Nothing is done; this would be discarded:\n${lettersText(letters)}`
          : `Discarded ${discarded.length} dead letter(s).`,
      );
      const others = letters.length - discarded.length;
      if (dryRun !== true && others > 0)
        throw new CommandError(`${others} of ${letters.length} dead letters are not open, and stay as they are`);
    });
}

async function show(database: Database, output: Output, id: string): Promise<void> {
  const letter = await findLetter(database, id);
  const { deaths, stages } = await readDeadLetterStory(database, letter);
  const rounds = deaths.map((each) => each.id);
  // Until its copy is confirmed the original is all there is.
  const [stream, seq] = letter.copySeq === null ? [letter.stream, letter.seq] : [STREAMS.deadLetters, letter.copySeq];
  const message = await withBroker((connection) => readStored(connection, stream, seq));
  const payload = message === undefined ? null : readPayload(message.body);
  const { headers = {} } = message ?? {};
  output.result({ ...letter, rounds, stages, headers, payload }, () => deadLetterText({ letter, rounds, stages, payload }));
}
