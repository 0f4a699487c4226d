import { type Command, Option } from 'commander';
import type { Database } from '../../../lib/store/database.ts';
import {
  createReplay,
  listReplays,
  type NewReplay,
  readReplay,
  type ReplayStatus,
  type ReplaySummary,
  setReplayStatus,
} from '../../../lib/store/replays.ts';
import { localTime, parseCount } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf } from '../output.ts';
import { EffectForecast } from '../replay-effects.ts';
import { newReplay, planReplay, type ReplayPlan } from '../replay-plan.ts';
import { followReplay } from '../replay-progress.ts';
import { DEFAULT_RATE, readReplayRequest, type ReplayOptionTexts, type ReplayRequest } from '../replay-request.ts';
import { scanSlice } from '../replay-scan.ts';
import { type DryRun, dryRunText, durationText, progressText, replaysText, replayText } from '../replay-view.ts';
import { whoami, withBroker, withDatabase } from '../session.ts';

/** What an in-place replay does at least on a small machine; for the word about how long what is live waits. */
const IN_PLACE_PER_SECOND = 1_000;

/** `visapi replay`: what the log has, handled once more. */
export function registerReplay(program: Command): void {
  const replay = program
    .command('replay')
    .enablePositionalOptions()
    .option('--actor <name>', 'who handles it once more: workflow, slack, ...')
    .addOption(new Option('--stream <stream>', 'events or commands (default: what the actor reads first)').choices(['events', 'commands']))
    .option('--from-seq <sequence>', 'from this sequence of the log; alone: in place, all from there')
    .option('--to-seq <sequence>', 'up to this sequence')
    .option('--since <time>', 'stored since: 2h, 09:00 or RFC 3339')
    .option('--until <time>', 'stored before')
    .option('--key <key>', 'only of this key')
    .option('--type <types>', 'only of these types, with commas between them', list)
    .option('--repeat-effects <actors>', 'effects of these actors happen again on purpose, with commas between them', list)
    .option('--divert-to <targets>', "where repeated effects go instead: a channel as '#alerts', an address", list)
    .option('--rate <count>', `messages per second, or none (default: ${DEFAULT_RATE} for a slice, none in place)`)
    .option('--dry-run', 'only say what would happen')
    .option('--detach', 'do not wait for its end')
    .option('--json', 'print JSON: progress and the end as a line each')
    .description('let an actor handle a part of the log once more; effects that are done are skipped')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi replay --actor workflow --since 09:00 --until 10:00 --type order.paid --dry-run
  $ visapi replay --actor workflow --since 2h --key A-17 --repeat-effects email --divert-to test@example.org
  $ visapi replay --actor workflow --from-seq 41877
  $ visapi replay list

Nobody has to wait for it: Ctrl-C leaves it running. See runbooks/replay.md.`,
    )
    .action(async (options: ReplayOptionTexts & { dryRun?: true; detach?: true }, command: Command) => {
      const request = readReplayRequest(options);
      await withDatabase((database) => begin(database, outputOf(command), request, options));
    });
  registerList(replay);
  registerShow(replay);
  registerChange(replay, 'pause', 'let nothing more go; resume takes it up again', ['running'], 'paused');
  registerChange(replay, 'resume', 'take a paused one up again, or look at one that is under way', ['paused'], 'running');
  registerChange(replay, 'abort', 'end it where it is; what it has begun goes on', ['running', 'paused'], 'aborted');
}

async function begin(database: Database, output: Output, request: ReplayRequest, options: { dryRun?: true; detach?: true }): Promise<void> {
  const { since, until } = request;
  if (since !== undefined || until !== undefined)
    output.note(`stored ${[since && `since ${localTime(since)}`, until && `before ${localTime(until)}`].filter(Boolean).join(', ')}`);
  const planned = await withBroker(async (connection) => {
    const plan = await planReplay(database, connection, request);
    for (const note of plan.notes) output.note(note);
    const forecast = options.dryRun === true ? new EffectForecast(database, request) : undefined;
    const scanned = await scanSlice(connection, plan.slice, forecast && ((messages) => forecast.add(messages)));
    return { plan, scanned, effects: forecast?.counts };
  });
  const { plan, scanned, effects } = planned;
  if (effects !== undefined) {
    const { actor, rate } = request;
    const { total, first } = scanned;
    const dry: DryRun = { actor, kind: plan.kind, total, first, effects, ...(rate === null ? {} : { seconds: total / rate }) };
    return output.result(dry, () => dryRunText(dry));
  }
  if (scanned.total === 0) throw new CommandError('nothing in the log fits', { exitCode: exitCodes.notFound });
  const replay = newReplay(plan, scanned, whoami());
  tell(output, plan, replay);
  await createReplay(database, replay);
  if (options.detach === true) return tellResult(output, (await readReplay(database, replay.id))!);
  tellResult(output, await followReplay(database, output, replay.id));
}

/** What a person should know before it begins. */
function tell(output: Output, { isOrphaned, request }: ReplayPlan, { id, actor, kind, total, rate, repeat }: NewReplay): void {
  const speed = rate === null ? '' : ` at ${rate}/s, about ${durationText(total / rate)}`;
  output.note(`replay ${id}: ${total} of ${actor}${speed}; Ctrl-C leaves it running, visapi replay pause ${id} does not`);
  if (kind === 'in-place')
    output.note(`what comes for ${actor} meanwhile waits behind it, about ${durationText(total / (rate ?? IN_PLACE_PER_SECOND))}`);
  else output.note('it keeps the order of each key among itself, not against what comes meanwhile');
  const to = request.divertTo.length === 0 ? '' : `, to ${request.divertTo.join(', ')}`;
  output.note(repeat.length === 0 ? 'effects that are done are skipped' : `effects of ${repeat.join(', ')} happen again${to}`);
  if (isOrphaned) output.note(`no process runs all of ${actor} at this moment: it begins when one does`);
}

function tellResult(output: Output, replay: ReplaySummary): void {
  output.line(replay, () => {
    const left = replay.skipped === 0 ? '' : `, ${replay.skipped} of them left alone: their first handling has not ended`;
    return `replay ${replay.id} is ${replay.status}: ${progressText(replay)}${left}`;
  });
}

function registerList(replay: Command): void {
  replay
    .command('list')
    .addOption(new Option('--status <status>', 'which ones').choices(['running', 'paused', 'done', 'aborted', 'any']).default('any'))
    .option('--limit <count>', 'at most', '20')
    .option('--after <replay>', 'the page after this replay')
    .description('replays, newest first')
    .addHelpText('after', '\nExamples:\n  $ visapi replay list\n  $ visapi replay list --status running --json')
    .action(async (options: { status: ReplayStatus | 'any'; limit: string; after?: string }, command: Command) => {
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const filter = { status: options.status === 'any' ? undefined : options.status, after: options.after };
      const found = await withDatabase((database) => listReplays(database, filter, limit));
      const more = found.length < limit ? '' : `\nMore: --after ${found.at(-1)!.id}`;
      outputOf(command).result(found, () => (found.length === 0 ? 'There is no such replay.' : `${replaysText(found)}${more}`));
    });
}

function registerShow(replay: Command): void {
  replay
    .command('show')
    .argument('<replay>', 'as visapi replay list shows it')
    .description('one replay: what was asked, and how far it is')
    .addHelpText('after', '\nExamples:\n  $ visapi replay show 1f2e3d4c\n  $ visapi replay show 1f2e3d4c --json')
    .action(async (id: string, _options: object, command: Command) => {
      const found = await withDatabase((database) => findReplay(database, id));
      outputOf(command).result(found, () => replayText(found));
    });
}

function registerChange(
  replay: Command,
  verb: 'pause' | 'resume' | 'abort',
  what: string,
  from: readonly ReplayStatus[],
  to: ReplayStatus,
): void {
  replay
    .command(verb)
    .argument('<replay>', 'as visapi replay list shows it')
    .description(what)
    .addHelpText('after', `\nExamples:\n  $ visapi replay ${verb} 1f2e3d4c\n  $ visapi replay ${verb} 1f2e3d4c --json`)
    .action(async (id: string, _options: object, command: Command) => {
      const output = outputOf(command);
      await withDatabase(async (database) => {
        const found = await findReplay(database, id);
        const isChanged = await setReplayStatus(database, { id, from, to, who: whoami() });
        if (!isChanged && found.status !== to) throw new CommandError(`replay ${id} is ${found.status} and cannot be ${to} any more`);
        if (found.kind === 'in-place' && to === 'paused') output.note(`what comes for ${found.actor} waits until it is resumed or aborted`);
        tellResult(output, verb === 'resume' ? await followReplay(database, output, id) : await findReplay(database, id));
      });
    });
}

async function findReplay(database: Database, id: string): Promise<ReplaySummary> {
  const found = await readReplay(database, id);
  if (found === undefined) throw new CommandError(`there is no replay ${id}`, { exitCode: exitCodes.notFound });
  return found;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
