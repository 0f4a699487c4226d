import type { Command } from 'commander';
import type { Database } from '../../../lib/store/database.ts';
import { clientEventKey } from '../../../lib/core/identity.ts';
import { createTraceReader, type EventTrace } from '../../../lib/store/trace.ts';
import { findInLog } from '../logged-events.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { withBroker, withDatabase, withSettings } from '../session.ts';
import { traceText } from '../trace-view.ts';

/** `visapi trace`: what happened to an event. */
export function registerTrace(program: Command): void {
  program
    .command('trace')
    .argument(
      '<id or key>',
      "an event's id, or the id that its provider gave it (GitHub's delivery id), or that of a run, command or effect; or a key, for the events that have it",
    )
    .option('--event-source <source>', "with the id of an event that a client has sent: the event's own `source`")
    .option('--limit <count>', 'with a key: events at most, the newest first', '20')
    .option('--scan', 'with a key: read the whole log too, not only what is recorded of it')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi trace 4qfrx2h7v3m5k2d6y8w0p1s9ab
  $ visapi trace 72d3162e-cc78-11e3-81ab-4c9367dc0958
  $ visapi trace o-1 --event-source /shop
  $ visapi trace octocat/hello-world --limit 5
  $ visapi trace A-17 --scan --json`,
    )
    .action(async (text: string, options: { limit: string; scan?: boolean; eventSource?: string }, command: Command) => {
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const output = outputOf(command);
      await withDatabase((database) => trace(database, output, { text, eventSource: options.eventSource }, limit, options.scan === true));
    });
}

/** What was asked for; a client's id belongs to its event's source. */
interface Asked {
  readonly text: string;
  readonly eventSource: string | undefined;
}

async function trace(database: Database, output: Output, { text, eventSource }: Asked, limit: number, scan: boolean): Promise<void> {
  const reader = createTraceReader(database);
  const byId = eventSource === undefined ? await reader.byId(text) : undefined;
  if (byId !== undefined) return output.result(byId, () => traceText(byId));
  const given = await reader.byProviderId(eventSource === undefined ? text : clientEventKey(eventSource, text), await sourceNames());
  if (given.trace !== undefined) {
    const found = given.trace;
    return output.result(found, () => traceText(found));
  }
  const [known, knownTotal, knownSince] = await Promise.all([reader.byKey(text, limit), reader.countOfKey(text), reader.knownSince()]);
  const wanted = { key: text, ids: [text, ...given.ids], limit };
  const logged = scan || known.length === 0 ? await withBroker((connection) => findInLog(connection, wanted)) : { events: [], ids: [] };
  const ids = new Set(known.map(({ event }) => event.id));
  const found = [...known];
  for (const event of logged.events) if (!ids.has(event.id)) found.push((await reader.byId(event.id)) ?? (await reader.ofLogged(event)));
  const [only] = found;
  if (only === undefined) {
    const since = knownSince === undefined ? 'no event is recorded yet' : `events are recorded since ${knownSince}`;
    throw new CommandError(
      `no event has the id, provider's id or key ${text}, nor has it such a run or command: ${since}, and the log does not have it either`,
      { exitCode: exitCodes.notFound },
    );
  }
  if (wanted.ids.includes(only.event.id)) return output.result(only, () => traceText(only));
  const total = knownTotal + logged.ids.length - (await reader.countKnown(logged.ids));
  const traces = found.sort((a, b) => b.event.receivedAt.localeCompare(a.event.receivedAt)).slice(0, limit);
  const page = { key: text, total, knownSince: knownSince ?? null, traces };
  output.result(page, () => keyText(page, scan));
}

interface KeyPage {
  readonly key: string;
  /** How many events have the key; the page may have fewer. */
  readonly total: number;
  readonly knownSince: string | null;
  readonly traces: readonly EventTrace[];
}

function keyText({ key, total, knownSince, traces }: KeyPage, scan: boolean): string {
  const rows = traces.map(({ event, fate }) => [event.receivedAt, event.id, event.type, fate.kind, fate.details[0] ?? '']);
  const more = traces.length < total ? `\n${traces.length} of ${total}; --limit shows more.` : '';
  const since = scan || knownSince === null ? '' : `\nKnown since ${knownSince}; --scan reads the log too.`;
  return `Key ${key}\n${table(['received', 'event', 'type', 'fate', 'detail'], rows)}${more}${since}`;
}

/** None where they cannot be asked for, as only looking needs them. */
async function sourceNames(): Promise<string[]> {
  const found = await withSettings(({ sources }) => sources.list()).catch(() => undefined);
  return (found?.sources ?? []).map(({ name }) => name);
}
