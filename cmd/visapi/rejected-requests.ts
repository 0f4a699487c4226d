import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import { byReceipt, readSummary } from '../../lib/webhook/rejected-request.ts';
import { parseSubject, rejectedFilter, STREAMS } from '../../streams/subjects.ts';

/** A kept request, as far as it can be read without the key. */
export interface RejectedEntry {
  readonly seq: number;
  readonly source: string;
  readonly reason: string;
  /** First time of receipt, RFC 3339. */
  readonly receivedAt: string;
  readonly bodyBytes: number;
}

export interface RejectedFilter {
  readonly source?: string | undefined;
  readonly reason?: string | undefined;
  readonly since?: Date | undefined;
}

/** How many there are of one source and reason. */
export interface RejectedCount {
  readonly source: string;
  readonly reason: string;
  readonly requests: number;
  readonly bytes: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** Broker and ingest may disagree about the time by this much; what is asked for is the receipt, what is stored later. */
const CLOCKS_MS = 300_000;

/** All that fit, in the order of the stream. Reads no body. @throws AppError `broker_unavailable`, or `broker_refused` where there is no stream */
export async function* scanRejected(connection: BrokerConnection, filter: RejectedFilter): AsyncGenerator<Ordered> {
  const sinceMs = filter.since?.getTime();
  const scan = scanLog(connection, {
    stream: STREAMS.rejected,
    filter: rejectedFilter(filter),
    headersOnly: true,
    ...(sinceMs === undefined ? {} : { sinceMs: sinceMs - CLOCKS_MS }),
  });
  for await (const chunk of scan)
    for (const message of chunk) {
      const subject = parseSubject(message.subject);
      const { receivedAtMs, number } = readSummary((name) => message.header(name));
      if (subject?.kind !== 'rejected' || receivedAtMs < (sinceMs ?? 0)) continue;
      const { seq, bodyBytes } = message;
      const { source, reason } = subject;
      yield { seq, source, reason, receivedAt: new Date(receivedAtMs).toISOString(), bodyBytes, receivedAtMs, number };
    }
}

type Ordered = RejectedEntry & { readonly receivedAtMs: number; readonly number: number };

/** All that fit, in the order of their receipt. */
export async function readRejectedEntries(connection: BrokerConnection, filter: RejectedFilter): Promise<RejectedEntry[]> {
  const found: Ordered[] = [];
  for await (const entry of scanRejected(connection, filter)) found.push(entry);
  return found.sort(byReceipt).map(plain);
}

/** Counts all that fit, and gives the page of those behind the sequence `after`. */
export async function listRejected(
  connection: BrokerConnection,
  filter: RejectedFilter,
  page: { readonly after: number; readonly limit: number },
): Promise<{ counts: RejectedCount[]; requests: RejectedEntry[] }> {
  const counts = new Map<string, RejectedCount>();
  const requests: RejectedEntry[] = [];
  for await (const entry of scanRejected(connection, filter)) {
    const name = `${entry.source} ${entry.reason}`;
    counts.set(name, counted(counts.get(name), entry));
    if (entry.seq > page.after && requests.length < page.limit) requests.push(plain(entry));
  }
  return { counts: [...counts.values()].sort((first, second) => second.requests - first.requests), requests };
}

/** One count more. */
export function counted(before: RejectedCount | undefined, { source, reason, receivedAt, bodyBytes }: RejectedEntry): RejectedCount {
  const { requests = 0, bytes = 0, firstAt = receivedAt, lastAt = receivedAt } = before ?? {};
  return {
    source,
    reason,
    requests: requests + 1,
    bytes: bytes + bodyBytes,
    firstAt: receivedAt < firstAt ? receivedAt : firstAt,
    lastAt: receivedAt > lastAt ? receivedAt : lastAt,
  };
}

function plain({ seq, source, reason, receivedAt, bodyBytes }: Ordered): RejectedEntry {
  return { seq, source, reason, receivedAt, bodyBytes };
}
