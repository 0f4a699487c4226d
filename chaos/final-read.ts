import type { Audit } from '../cmd/visapi/conservation-audit.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { poll } from '../lib/dev/poll.ts';
import { API_CODES, ApiRefusal } from '../lib/jetstream/api-request.ts';
import { readBounds } from '../lib/jetstream/log-reader.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import type { SinkMessage } from '../lib/sink/arrivals.ts';
import { STREAMS } from '../streams/subjects.ts';
import type { ChaosSystem } from './chaos-system.ts';
import type { Evidence, LedgerEntry, LoggedEvent } from './checker.ts';
import type { Fate, SentEvent } from './sent-event.ts';
import { deliveryOf } from './workload.ts';

/**
 * Waits until nothing moves any more: the journal is empty, the log's events are recorded, their runs have ended or wait for a person,
 * and what has to die is dead. @returns how it ended; the checker finds what is missing
 */
export async function waitUntilDrained(
  system: ChaosSystem,
  sent: readonly SentEvent[],
  signal: AbortSignal,
  deadlineMs: number,
): Promise<'drained' | 'not drained'> {
  const mustDie = sent.filter(({ end, mayEnd }) => end === 'ok' && !mayEnd.includes('done')).length;
  const isDrained = async (): Promise<true | undefined> => {
    signal.throwIfAborted();
    const waiting = (await system.metrics('ingest')).map((text) => /^visapi_journal_records (\d+)$/m.exec(text)?.[1]);
    const { lastSeq } = await readBounds(system.connection, STREAMS.events);
    const [row] = await system.database.query<{ events: number; open: number; held: number; dead: number }>({
      text: `select (select count(*)::int from events) as events, (select count(*)::int from runs where status = 'running') as open,
        (select count(distinct split_part(message_id, '/', 1))::int from effects where state = 'held') as held,
        (select count(*)::int from dead_letters) as dead`,
    });
    return waiting.every((records) => records === '0') && row!.events >= lastSeq && row!.open <= row!.held && row!.dead >= mustDie
      ? true
      : undefined;
  };
  const options = { deadlineMs, everyMs: 500, what: 'everything to end' };
  return await poll(isDrained, options).then(
    () => 'drained' as const,
    () => (signal.throwIfAborted(), 'not drained' as const),
  );
}

/** What there is when all faults are over. */
export interface FinalRead extends Omit<Evidence, 'sent'> {
  readonly messages: readonly SinkMessage[];
  /** Numbers of a journal that are neither in the log nor in the journal any more. */
  readonly missingNumbers: number;
  readonly held: number;
  readonly dead: number;
}

/** Reads everything that the system has left: the log, the record, the ledger, the peer's messages, the audit. */
export async function readAll(system: ChaosSystem): Promise<FinalRead> {
  const log = await readLog(system);
  const response = await fetch(`${system.sink.url}/messages`);
  const messages = (await response.json()) as SinkMessage[];
  const { fates, ledger } = await readRecord(system);
  const count = (fate: Fate): number => [...fates.values()].filter((each) => each === fate).length;
  return {
    log,
    fates,
    ledger,
    messages,
    arrivals: messages.map(({ text }) => deliveryOf(text)),
    ...(await readAudit(system)),
    held: count('held'),
    dead: count('dead'),
  };
}

/** A broker that has lost the stream itself has lost all of it. */
async function readLog({ connection }: ChaosSystem): Promise<LoggedEvent[]> {
  const log: LoggedEvent[] = [];
  try {
    for await (const messages of scanLog(connection, { stream: STREAMS.events, headersOnly: true }))
      for (const message of messages)
        log.push({
          seq: message.seq,
          id: message.header(HEADERS.id),
          delivery: message.header(HEADERS.ceId),
          key: message.header(HEADERS.key),
          journal: message.header(HEADERS.journal).split(':')[0] ?? '',
        });
  } catch (error) {
    if (!(error instanceof ApiRefusal && error.apiCode === API_CODES.streamNotFound)) throw error;
  }
  return log;
}

async function readRecord({ database }: ChaosSystem): Promise<{ fates: Map<string, Fate>; ledger: Map<string, LedgerEntry> }> {
  const events = await database.query<{ id: string; fate: string }>({ text: 'select id, fate from events' });
  const runs = await database.query<{ id: string; event: string; status: string }>({
    text: 'select id, event_id as event, status from runs',
  });
  const effects = await database.query<{ run: string; state: string; repeats: number }>({
    text: `select split_part(message_id, '/', 1) as run, state, repeats from effects`,
  });
  const dead = await database.query<{ event: string }>({ text: 'select message_id as event from dead_letters where run is null' });
  const effectOf = new Map(effects.map((effect) => [effect.run, effect]));
  const fates = new Map<string, Fate>(events.filter(({ fate }) => fate !== 'routed').map(({ id }) => [id, 'unrouted']));
  const ledger = new Map<string, LedgerEntry>();
  for (const run of runs) {
    const effect = effectOf.get(run.id);
    if (effect !== undefined) ledger.set(run.event, { repeats: effect.repeats });
    fates.set(run.event, run.status === 'running' ? (effect?.state === 'held' ? 'held' : 'open') : run.status === 'done' ? 'done' : 'dead');
  }
  for (const { event } of dead) fates.set(event, 'dead');
  return { fates, ledger };
}

async function readAudit(system: ChaosSystem): Promise<Pick<FinalRead, 'unaccounted' | 'missingNumbers'>> {
  const { code, stdout, stderr } = await system.visapi('audit', '--json', '--journal', ...system.journals);
  if (stdout === '') return { unaccounted: [`visapi audit ended with ${code}: ${stderr.trim()}`], missingNumbers: 0 };
  const { unaccounted } = JSON.parse(stdout) as Audit;
  return {
    unaccounted: unaccounted
      .filter(({ what }) => what !== 'missing')
      .map(({ what, count, examples }) => `${count} ${what}: ${examples.join(', ')}`),
    missingNumbers: unaccounted.find(({ what }) => what === 'missing')?.count ?? 0,
  };
}
