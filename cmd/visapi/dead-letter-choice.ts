import { type Command, Option } from 'commander';
import { REJECT_REASONS } from '../../lib/actor/verdict.ts';
import type { Database } from '../../lib/store/database.ts';
import { type DeadLetterEntry, type DeadLetterFilter, findDeadLetter, listDeadLetters } from '../../lib/store/dead-letters.ts';
import { localTime, parseMoment } from './moment.ts';
import { CommandError, exitCodes, type Output } from './output.ts';

export interface FilterOptions {
  readonly actor?: string;
  readonly reason?: string;
  readonly group?: string;
  readonly since?: string;
}

/** `--reason` chooses by reason, but where a command asks for a person's reason. */
export function withFilter(command: Command, { byReason = true } = {}): Command {
  command.option('--actor <name>', 'only those of one actor');
  if (byReason) command.addOption(new Option('--reason <reason>', 'only those with one reason').choices(REJECT_REASONS));
  return command
    .option('--group <fingerprint>', 'only those of one group, as visapi dead groups shows it')
    .option('--since <when>', 'only those since then: 30m, 2h, 7d, HH:MM or RFC 3339');
}

export function filterOf({ actor, reason, group, since }: FilterOptions, output: Output): DeadLetterFilter {
  const moment = since === undefined ? undefined : parseMoment('--since', since);
  if (moment !== undefined) output.note(`since ${localTime(moment)}`);
  return { actor, reason, group, since: moment };
}

/** More at once is more than a person can mean. */
const MAX_CHOSEN = 10_000;

/** Those that are named, or the open ones that fit, oldest first. */
export async function chooseLetters(database: Database, ids: readonly string[], filter: DeadLetterFilter): Promise<DeadLetterEntry[]> {
  if (ids.length > 0) return await Promise.all([...new Set(ids)].map((id) => findLetter(database, id)));
  if (Object.values(filter).every((value) => value === undefined))
    throw new CommandError('expected ids of dead letters, or options that choose some', { exitCode: exitCodes.wrongUsage });
  const letters = await listDeadLetters(database, { ...filter, status: 'open' }, MAX_CHOSEN + 1);
  if (letters.length > MAX_CHOSEN) throw new CommandError(`expected at most ${MAX_CHOSEN} dead letters, got more; narrow the choice`);
  return letters.reverse();
}

/** @throws CommandError where there is none */
export async function findLetter(database: Database, id: string): Promise<DeadLetterEntry> {
  const letter = await findDeadLetter(database, id);
  if (letter === undefined) throw new CommandError(`there is no dead letter ${id}`, { exitCode: exitCodes.notFound });
  return letter;
}

/** The sentence for an empty list. */
export function noneText({ actor, reason, group, since, status, after }: DeadLetterFilter): string {
  const which = [
    status === undefined ? 'No dead letters' : `No ${status} dead letters`,
    ...(actor === undefined ? [] : [`of actor ${actor}`]),
    ...(reason === undefined ? [] : [`with reason ${reason}`]),
    ...(group === undefined ? [] : [`of group ${group}`]),
    ...(since === undefined ? [] : [`since ${localTime(since)}`]),
    ...(after === undefined ? [] : [`after ${after}`]),
  ];
  return `${which.join(' ')}.`;
}
