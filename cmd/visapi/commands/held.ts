import { type Command, Option } from 'commander';
import { listHeld, resolveHeld } from '../../../lib/store/held.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { whoami, withDatabase } from '../session.ts';

/** `visapi held`: effects of which nobody knows whether they happened. */
export function registerHeld(program: Command): void {
  const held = program
    .command('held')
    .addHelpText('after', '\nExamples:\n  $ visapi held list\n  $ visapi held resolve 4qfrx2h7/notify/send --as done');
  held
    .command('list')
    .option('--actor <name>', 'only those of one actor')
    .option('--limit <count>', 'at most', '50')
    .option('--after <effect>', 'the page after this effect')
    .description('effects that wait for a decision, oldest first')
    .addHelpText('after', '\nExamples:\n  $ visapi held list\n  $ visapi held list --actor slack --json')
    .action(async (options: { actor?: string; limit: string; after?: string }, command: Command) => {
      const { actor, after } = options;
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const found = await withDatabase((database) => listHeld(database, { actor, after }, limit));
      const rows = found.map((effect) => [effect.claimedAt, effect.id, effect.actor, effect.key, effect.repeats]);
      outputOf(command).result(found, () =>
        rows.length === 0 ? 'No effect is held.' : table(['claimed', 'effect', 'actor', 'key', 'repeats'], rows),
      );
    });
  held
    .command('resolve')
    .argument('<effect...>', 'as visapi held list shows it')
    .addOption(
      new Option('--as <decision>', 'done: it did happen; repeat: do it again with the same idempotency key')
        .choices(['done', 'repeat'])
        .makeOptionMandatory(),
    )
    .description('decide about held effects; their messages run again and their steps go on')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi held resolve 4qfrx2h7/notify/send --as done\n  $ visapi held resolve 4qfrx2h7/notify/send --as repeat',
    )
    .action(async (ids: string[], { as }: { as: 'done' | 'repeat' }, command: Command) => {
      const results = await withDatabase(async (database) => {
        const resolved = [];
        for (const id of ids) resolved.push({ id, ...(await resolveHeld(database, { id, as, who: whoami() })) });
        return resolved;
      });
      const wrong = results.filter(({ kind }) => kind !== 'resolved');
      outputOf(command).result(results, () => results.map((result) => `${result.id}: ${says(result, as)}`).join('\n'));
      if (wrong.length === 0) return;
      const exitCode = wrong.every(({ kind }) => kind === 'unknown') ? exitCodes.notFound : exitCodes.failed;
      throw new CommandError(`${wrong.length} of ${results.length} effects could not be resolved`, { exitCode });
    });
}

function says(result: Awaited<ReturnType<typeof resolveHeld>>, as: string): string {
  switch (result.kind) {
    case 'resolved':
      return `resolved as ${as}; its message runs again`;
    case 'not-held':
      return `not held: it is ${result.state}`;
    case 'unknown':
      return 'there is no such effect';
  }
}
