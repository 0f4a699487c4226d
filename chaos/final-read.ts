import type { Audit } from '../cmd/visapi/conservation-audit.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { poll } from '../lib/dev/poll.ts';
import { API_CODES, ApiRefusal } from '../lib/jetstream/api-request.ts';
import { readBounds } from '../lib/jetstream/log-reader.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import type { SinkMessage } from '../lib/sink/arrivals.ts';
import { STREAMS } from '../streams/subjects.ts';
import type { Evidence, LedgerEntry, LoggedEvent } from './checker.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Fate, SentEvent } from './sent-event.ts';
import { isOf, toldIn } from './workload.ts';

/**
 * Waits until nothing moves any more: the journal is empty, the log's events are recorded, their runs have ended or wait for a person,
 * and what has to die is dead. @returns why it did not come to that in time, or undefined; the checker finds what is missing
 */
export async function waitUntilDrained(
  system: ObservedSystem,
  sent: readonly SentEvent[],
  signal: AbortSignal,
  deadlineMs: number,
): Promise<string | undefined> {
  const mustDie = sent.filter(({ end, mayEnd }) => end === 'ok' && !mayEnd.includes('done')).length;
  const acknowledged = sent.filter(({ end }) => end === 'ok').length;
  const { prefix } = system.workload;
  const isDrained = async (): Promise<true | undefined> => {
    signal.throwIfAborted();
    const [row] = await system.database.query<{ events: number; open: number; held: number; dead: number }>({
      text: `with own as (select id from events where key like $1 || '%')
        select (select count(*)::int from own) as events,
        (select count(*)::int from runs join own on own.id = runs.event_id where status = 'running') as open,
        (select count(distinct runs.id)::int from own join runs on own.id = runs.event_id
          join effects on message_id >= runs.id || '/' and message_id < runs.id || '0' where state = 'held') as held,
        (select count(*)::int from dead_letters) as dead`,
      values: [prefix],
    });
    const inLog = await countLogged(system, acknowledged);
    return inLog !== undefined && row!.events >= inLog && row!.open <= row!.held && row!.dead >= mustDie ? true : undefined;
  };
  const options = { deadlineMs, everyMs: 500, what: 'everything to end' };
  return await poll(isDrained, options).then(
    () => undefined,
    (error: unknown) => {
      signal.throwIfAborted();
      const { message, cause } = error as Error;
      return cause instanceof Error ? `${message}: ${cause.message}` : message;
    },
  );
}

/** The events of this run in the log; undefined while there are more to come. */
async function countLogged(system: ObservedSystem, acknowledged: number): Promise<number | undefined> {
  if (system.workload.prefix !== '') {
    // Others send, too: journals and log are never at rest.
    const { length } = await readLog(system);
    return length >= acknowledged ? length : undefined;
  }
  const waiting = (await system.metrics('ingest')).map((text) => /^visapi_journal_records (\d+)$/m.exec(text)?.[1]);
  return waiting.every((records) => records === '0') ? (await readBounds(system.connection, STREAMS.events)).lastSeq : undefined;
}

/** What there is when all faults are over. */
export interface FinalRead extends Omit<Evidence, 'sent'> {
  readonly messages: readonly SinkMessage[];
  /** Numbers of a journal that are neither in the log nor in the journal any more. */
  readonly missingNumbers: number;
  readonly held: number;
  readonly dead: number;
}

/** Reads everything that the run has left in the system: in the log, the record, the ledger, at the peer, and what the audit says. */
export async function readAll(system: ObservedSystem): Promise<FinalRead> {
  const log = await readLog(system);
  const all = await system.messages();
  const messages = all?.filter(({ text }) => isOf(system.workload, toldIn(text)));
  const { fates, ledger } = await readRecord(system);
  const count = (fate: Fate): number => [...fates.values()].filter((each) => each === fate).length;
  return {
    log,
    fates,
    ledger,
    messages: messages ?? [],
    arrivals: messages?.map(({ text }) => toldIn(text)),
    ...(await readAudit(system)),
    held: count('held'),
    dead: count('dead'),
  };
}

/** A broker that has lost the stream itself has lost all of it. */
async function readLog({ connection, workload }: ObservedSystem): Promise<LoggedEvent[]> {
  const log: LoggedEvent[] = [];
  const since = workload.sinceMs === undefined ? {} : { sinceMs: workload.sinceMs };
  try {
    for await (const messages of scanLog(connection, { stream: STREAMS.events, headersOnly: true, ...since }))
      for (const message of messages) {
        const key = message.header(HEADERS.key);
        if (!key.startsWith(workload.prefix)) continue;
        log.push({
          seq: message.seq,
          id: message.header(HEADERS.id),
          delivery: message.header(HEADERS.ceId),
          key,
          journal: message.header(HEADERS.journal).split(':')[0] ?? '',
        });
      }
  } catch (error) {
    if (!(error instanceof ApiRefusal && error.apiCode === API_CODES.streamNotFound)) throw error;
  }
  return log;
}

async function readRecord({ database, workload }: ObservedSystem): Promise<{ fates: Map<string, Fate>; ledger: Map<string, LedgerEntry> }> {
  const values = [workload.prefix];
  const own = `with own as (select id, fate from events where key like $1 || '%')`;
  const events = await database.query<{ id: string; fate: string }>({ text: `${own} select id, fate from own`, values });
  const runs = await database.query<{ id: string; event: string; status: string }>({
    text: `${own} select runs.id, event_id as event, status from runs join own on own.id = runs.event_id`,
    values,
  });
  const effects = await database.query<{ run: string; effects: number; repeats: number; held: boolean }>({
    // A step's message is `<run>/<step>`, and 0 is behind the stroke.
    text: `${own} select runs.id as run, count(*)::int as effects, sum(repeats)::int as repeats, bool_or(state = 'held') as held
      from own join runs on own.id = runs.event_id join effects on message_id >= runs.id || '/' and message_id < runs.id || '0' group by runs.id`,
    values,
  });
  const dead = await database.query<{ event: string }>({
    text: `${own} select message_id as event from dead_letters join own on own.id = message_id where run is null`,
    values,
  });
  const effectsOf = new Map(effects.map((effect) => [effect.run, effect]));
  const fates = new Map<string, Fate>(events.filter(({ fate }) => fate !== 'routed').map(({ id }) => [id, 'unrouted']));
  const ledger = new Map<string, LedgerEntry>();
  for (const [event, ofEvent] of Map.groupBy(runs, (run) => run.event)) {
    const found = ofEvent.map(({ id }) => effectsOf.get(id)).filter((effect) => effect !== undefined);
    const sum = (of: 'effects' | 'repeats'): number => found.reduce((all, effect) => all + effect[of], 0);
    if (found.length > 0) ledger.set(event, { effects: sum('effects'), repeats: sum('repeats') });
    const ends = ofEvent.map(({ id, status }): Fate => {
      if (status === 'running') return effectsOf.get(id)?.held === true ? 'held' : 'open';
      return status === 'done' ? 'done' : 'dead';
    });
    // Of several runs the one that is worst off.
    fates.set(event, (['open', 'dead', 'held'] as const).find((fate) => ends.includes(fate)) ?? 'done');
  }
  for (const { event } of dead) fates.set(event, 'dead');
  return { fates, ledger };
}

/** @returns what `visapi audit` says, or why it says nothing */
export async function auditWith(visapi: ObservedSystem['visapi'], journals: readonly string[]): Promise<Audit | string> {
  const { code, stdout, stderr } = await visapi('audit', '--json', ...(journals.length === 0 ? [] : ['--journal', ...journals]));
  return stdout === '' ? `visapi audit ended with ${code}: ${stderr.trim()}` : (JSON.parse(stdout) as Audit);
}

async function readAudit({
  visapi,
  journals,
  unaccountedBefore,
}: ObservedSystem): Promise<Pick<FinalRead, 'unaccounted' | 'missingNumbers'>> {
  const audit = await auditWith(visapi, journals);
  if (typeof audit === 'string') return { unaccounted: [audit], missingNumbers: 0 };
  const added = audit.unaccounted
    .map((group) => ({ ...group, count: group.count - (unaccountedBefore.get(group.what) ?? 0) }))
    .filter(({ count }) => count > 0);
  return {
    unaccounted: added
      .filter(({ what }) => what !== 'missing')
      .map(({ what, count, examples }) => `${count} ${what}: ${examples.join(', ')}`),
    missingNumbers: added.find(({ what }) => what === 'missing')?.count ?? 0,
  };
}
