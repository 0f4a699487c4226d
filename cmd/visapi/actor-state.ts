import type { Database } from '../../lib/store/database.ts';
import {
  actorsWithStates,
  findStates,
  type KeptState,
  listStates,
  neighbouringKeys,
  type StateCursor,
} from '../../lib/store/kept-states.ts';
import { nearestWord } from '../../lib/workflow/mistake.ts';
import { CommandError, exitCodes, type Output, table } from './output.ts';

export interface StatePage {
  readonly limit: number;
  readonly after: StateCursor | undefined;
}

/** Shows what an actor keeps of one key. @param known names of actors @throws CommandError with the nearest right word */
export async function showState(database: Database, output: Output, actor: string, key: string, known: readonly string[]): Promise<void> {
  const states = await findStates(database, actor, key);
  if (states.length === 0) {
    await expectStates(database, actor, known);
    const nearest = nearestWord(key, await neighbouringKeys(database, actor, key));
    const hint = nearest === undefined ? `; visapi actor state ${actor} lists its keys` : `; did you mean ${nearest}?`;
    throw new CommandError(`${actor} keeps nothing of the key ${key}${hint}`, { exitCode: exitCodes.notFound });
  }
  output.result({ actor, key, states }, () => states.map(stateText).join('\n\n'));
}

/** Lists the keys of which an actor keeps something. */
export async function listKeys(
  database: Database,
  output: Output,
  actor: string,
  page: StatePage,
  known: readonly string[],
): Promise<void> {
  const { total, states } = await listStates(database, actor, page.after, page.limit);
  if (total === 0) await expectStates(database, actor, known);
  output.result({ actor, total, states }, () => listText(actor, total, states, page.limit));
}

/** @throws CommandError where there is no state of the actor at all */
async function expectStates(database: Database, actor: string, known: readonly string[]): Promise<void> {
  const keeping = await actorsWithStates(database);
  if (keeping.includes(actor)) return;
  const nearest = nearestWord(actor, keeping.length > 0 ? keeping : known);
  const others = keeping.length === 0 ? 'no actor keeps anything' : `those that do are ${keeping.join(', ')}`;
  const hint = nearest === undefined || nearest === actor ? others : `did you mean ${nearest}?`;
  const isKnown = known.includes(actor);
  throw new CommandError(`${isKnown ? `${actor} keeps nothing of any key` : `no actor ${actor} keeps anything`}; ${hint}`, {
    exitCode: exitCodes.notFound,
  });
}

function stateText(kept: KeptState & { readonly state: unknown }): string {
  const { actor, version, bytes, updatedAt, messageId, stream, seq, state } = kept;
  return [
    `State of ${actor}, key ${mailboxText(kept)}`,
    `version ${version}, ${bytes} bytes, since ${updatedAt}, by ${messageId} (${stream} ${seq})`,
    JSON.stringify(state, null, 2),
  ].join('\n');
}

function listText(actor: string, total: number, states: readonly KeptState[], limit: number): string {
  const last = states.at(-1);
  if (last === undefined) return 'No more keys.';
  const isRefined = states.some(({ eventKey, key }) => key !== eventKey);
  const rows = states.map((kept) => [mailboxText(kept), kept.version, kept.bytes, kept.updatedAt, kept.messageId]);
  const mailbox = isRefined ? ` --after-mailbox ${quoted(last.key)}` : '';
  const next = states.length < limit ? '' : `\nThe next page: visapi actor state ${actor} --after ${quoted(last.eventKey)}${mailbox}`;
  return `${table(['key', 'version', 'bytes', 'since', 'by'], rows)}\n${total} ${total === 1 ? 'key' : 'keys'} in all.${next}`;
}

function mailboxText({ eventKey, key }: KeptState): string {
  return key === eventKey ? key : `${eventKey}, mailbox ${key}`;
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
