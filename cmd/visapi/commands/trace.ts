import type { Command } from 'commander';
import type { Database } from '../../../lib/store/database.ts';
import { createTraceReader, type EventTrace } from '../../../lib/store/trace.ts';
import { findInLog } from '../logged-events.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { withBroker, withDatabase } from '../session.ts';
import { traceText } from '../trace-view.ts';

/** `visapi trace`: what happened to an event. */
export function registerTrace(program: Command): void {
  program
    .command('trace')
    .argument('<id or key>', 'an event, or one of its runs, commands or effects; or a key, for the events that have it')
    .option('--limit <count>', 'with a key: events at most, the newest first', '20')
    .option('--scan', 'read the log too, not only its projection')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi trace 4qfrx2h7v3m5k2d6y8w0p1s9ab
  $ visapi trace octocat/hello-world --limit 5
  $ visapi trace A-17 --scan --json`,
    )
    .action(async (text: string, options: { limit: string; scan?: boolean }, command: Command) => {
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      const output = outputOf(command);
      await withDatabase((database) => trace(database, output, text, limit, options.scan === true));
    });
}

async function trace(database: Database, output: Output, text: string, limit: number, scan: boolean): Promise<void> {
  const reader = createTraceReader(database);
  const byId = await reader.byId(text);
  if (byId !== undefined) return output.result(byId, () => traceText(byId));
  const known = await reader.byKey(text, limit);
  const knownSince = await reader.knownSince();
  const logged = scan || known.length === 0 ? await withBroker((connection) => findInLog(connection, text, limit)) : [];
  const ids = new Set(known.map(({ event }) => event.id));
  const found = [...known];
  for (const event of logged) if (!ids.has(event.id)) found.push((await reader.byId(event.id)) ?? (await reader.ofLogged(event)));
  const [only] = found;
  if (only === undefined) {
    const since = knownSince === undefined ? 'the projection is empty' : `the projection knows the events since ${knownSince}`;
    throw new CommandError(`no event, run, command or key ${text}: ${since}, and the log does not have it either`, {
      exitCode: exitCodes.notFound,
    });
  }
  if (only.event.id === text) return output.result(only, () => traceText(only));
  const traces = found.sort((a, b) => b.event.receivedAt.localeCompare(a.event.receivedAt)).slice(0, limit);
  output.result({ key: text, knownSince: knownSince ?? null, traces }, () => keyText(text, traces, knownSince, scan));
}

function keyText(key: string, traces: readonly EventTrace[], knownSince: string | undefined, scan: boolean): string {
  const rows = traces.map(({ event, fate }) => [event.receivedAt, event.id, event.type, fate.kind, fate.details[0] ?? '']);
  const since = scan || knownSince === undefined ? '' : `\nKnown since ${knownSince}; --scan reads the log too.`;
  return `Key ${key}\n${table(['received', 'event', 'type', 'fate', 'detail'], rows)}${since}`;
}
