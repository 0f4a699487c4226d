import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { purgeMessages, removeMessages } from '../../lib/jetstream/message-removal.ts';
import { writeAudit } from '../../lib/store/audit-log.ts';
import type { Database } from '../../lib/store/database.ts';
import { readSummary } from '../../lib/webhook/rejected-request.ts';
import { parseSubject, rejectedFilter, STREAMS } from '../../streams/subjects.ts';
import { CommandError, exitCodes } from './output.ts';
import { counted, scanRejected, type RejectedCount, type RejectedEntry, type RejectedFilter } from './rejected-requests.ts';

/** Which ones, why, and by whom. */
export interface Discard {
  readonly seqs?: readonly number[];
  /** Instead of `seqs`. */
  readonly filter?: RejectedFilter;
  readonly because: string;
  readonly who: string;
}

/** What an audit row names one by one; of more it tells the counts. */
const NAMED = 100;

/** Writes the audit row, then removes them for good. @throws CommandError `notFound` where one that is named is not there */
export async function discardRejected(
  connection: BrokerConnection,
  database: Database,
  { seqs, filter = {}, because, who }: Discard,
): Promise<{ removed: number; counts: RejectedCount[] }> {
  const counts = new Map<string, RejectedCount>();
  const chosen: number[] = [];
  const entries = seqs === undefined ? scanRejected(connection, filter) : readEntries(connection, seqs);
  for await (const entry of entries) {
    const name = `${entry.source} ${entry.reason}`;
    counts.set(name, counted(counts.get(name), entry));
    chosen.push(entry.seq);
  }
  if (chosen.length === 0) return { removed: 0, counts: [] };
  const detail = { because, requests: chosen.length, counts: [...counts.values()], named: chosen.slice(0, NAMED) };
  await writeAudit(database.tables, { who, action: 'rejected.discard', target: filter.source ?? chosen.slice(0, NAMED).join(' '), detail });
  const removed =
    seqs === undefined && filter.since === undefined
      ? await purgeMessages(connection, STREAMS.rejected, { filter: rejectedFilter(filter), seq: chosen.at(-1)! })
      : await removeMessages(connection, STREAMS.rejected, chosen);
  return { removed, counts: [...counts.values()] };
}

async function* readEntries(connection: BrokerConnection, seqs: readonly number[]): AsyncGenerator<RejectedEntry> {
  for (const seq of new Set(seqs)) {
    const stored = await readStored(connection, STREAMS.rejected, seq);
    const subject = parseSubject(stored?.subject ?? '');
    if (stored === undefined || subject?.kind !== 'rejected')
      throw new CommandError(`there is no rejected request ${seq}; nothing was removed`, { exitCode: exitCodes.notFound });
    const { receivedAtMs } = readSummary((name) => stored.headers[name] ?? '');
    const { source, reason } = subject;
    yield { seq, source, reason, receivedAt: new Date(receivedAtMs).toISOString(), bodyBytes: stored.body.byteLength };
  }
}
