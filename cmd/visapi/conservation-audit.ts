import { auditCommands } from '../../lib/host/command-audit.ts';
import { EventAudit, type EventFate, rangeText, type Unaccounted, type UnaccountedKind } from '../../lib/host/event-audit.ts';
import type { LaneSum } from '../../lib/host/lane-sums.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { readBounds } from '../../lib/jetstream/log-reader.ts';
import type { WaitingNumbers } from '../../lib/journal/journal-glance.ts';
import { NumberAccount, type NumberRange } from '../../lib/journal/number-account.ts';
import type { Database } from '../../lib/store/database.ts';
import { COMMAND_LOG } from '../../streams/command-log.ts';
import { EVENT_LOG } from '../../streams/event-log.ts';

/** Where every accepted event is. */
export interface Audit {
  readonly log: { readonly firstSeq: number; readonly lastSeq: number; readonly messages: number };
  readonly journals: readonly JournalAudit[];
  /** The log of commands and results. */
  readonly commands: { readonly firstSeq: number; readonly lastSeq: number; readonly messages: number };
  /** Of both logs: what each lane has in it, and what its record says is settled. */
  readonly lanes: readonly (LaneSum & { readonly stream: string })[];
  /** Events in the log, by what became of them. */
  readonly events: Readonly<Record<EventFate, number>>;
  /** What no rule explains, by its kind. */
  readonly unaccounted: readonly UnaccountedGroup[];
}

export interface JournalAudit {
  readonly id: string;
  /** Numbers that the log has, each counted once. */
  readonly inLog: number;
  /** Undefined where its file is not here: then what follows the last number in the log is not known. */
  readonly waiting: number | undefined;
  readonly missing: readonly NumberRange[];
}

export interface UnaccountedGroup {
  readonly what: UnaccountedKind;
  readonly count: number;
  /** Where the first ones are. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 10;
/** A relay that sends again after a broken connection is through with that far sooner. */
const ON_ITS_WAY_MS = 60_000;

export interface AuditOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  /** Of the journals whose files are here, read before the log: what leaves them meanwhile is found there. */
  readonly journals: readonly WaitingNumbers[];
}

/** Reads the whole log of events, and the one of commands. Changes nothing. */
export async function auditEvents({ connection, database, journals }: AuditOptions): Promise<Audit> {
  const groups = new Map<UnaccountedKind, { count: number; examples: string[] }>();
  const onUnaccounted = ({ what, where, count }: Unaccounted): void => {
    const group = groups.get(what) ?? { count: 0, examples: [] };
    group.count += count;
    if (group.examples.length < MAX_EXAMPLES) group.examples.push(where);
    groups.set(what, group);
  };
  const { firstSeq, lastSeq } = await readBounds(connection, EVENT_LOG.stream);
  const audit = new EventAudit({ connection, database, log: EVENT_LOG, onUnaccounted }, firstSeq);
  await audit.read(lastSeq, { untilOpen: false });
  const { lanes, ...commands } = await auditCommands({ connection, database, log: COMMAND_LOG, onUnaccounted });
  const files = new Map(journals.map((journal) => [journal.id, journal]));
  const ids = new Set([...files.keys(), ...audit.journals.keys()]);
  return {
    log: { firstSeq, lastSeq, messages: audit.messages },
    journals: [...ids].map((id) => auditJournal(id, audit, files.get(id), onUnaccounted)),
    commands,
    lanes: [
      ...audit.lanes.map((lane) => ({ stream: EVENT_LOG.stream, ...lane })),
      ...lanes.map((lane) => ({ stream: COMMAND_LOG.stream, ...lane })),
    ],
    events: audit.events,
    unaccounted: [...groups].map(([what, group]) => ({ what, ...group })),
  };
}

function auditJournal(
  id: string,
  audit: EventAudit,
  file: WaitingNumbers | undefined,
  onUnaccounted: (found: Unaccounted) => void,
): JournalAudit {
  const account = audit.journals.get(id) ?? new NumberAccount();
  const held = new NumberAccount();
  for (const number of file?.numbers ?? []) held.add(number, 0);
  const gaps = audit.missing(account, file?.lastNumber ?? account.last ?? 0, file === undefined ? Date.now() - ON_ITS_WAY_MS : Infinity);
  const missing = gaps.flatMap((gap) => held.missing(gap.from, gap.to));
  for (const range of missing)
    onUnaccounted({ what: 'missing', where: `journal ${id}, number ${rangeText(range)}`, count: range.to - range.from + 1 });
  if (account.repeated > 0) onUnaccounted({ what: 'repeated', where: `journal ${id}`, count: account.repeated });
  return { id, inLog: account.count, waiting: file?.numbers.filter((number) => !account.has(number)).length, missing };
}
