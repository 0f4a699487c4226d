import type { RejectedRequest } from '../../lib/webhook/rejected-request.ts';
import type { ReadmitOutcome } from '../../streams/readmission.ts';
import { type Payload } from './dead-letter-view.ts';
import { table } from './output.ts';
import type { Readmission } from './readmission.ts';
import type { RejectedCount, RejectedEntry } from './rejected-requests.ts';

/**
 * Headers that can hold no credential of anybody. All others are masked: which one a sender puts its key into is for the
 * sender to say.
 */
const PLAIN_HEADER =
  /^(host|user-agent|content-(type|length|encoding)|accept(-encoding|-language)?|date|connection|transfer-encoding|via|forwarded|x-forwarded-(for|proto|host|port)|x-real-ip|x-request-id|traceparent|webhook-(id|timestamp)|x-github-(event|delivery|hook-id)|x-slack-request-timestamp|x-slack-retry-(num|reason)|ce-[a-z]+)$/;
/** From here on the first four characters tell which key or scheme it was, and help nobody to guess the rest. */
const LONG = 24;

/** A header's value as it may be printed. */
export function maskedHeader(name: string, value: string): string {
  if (PLAIN_HEADER.test(name.toLowerCase())) return value;
  return value.length < LONG ? `(${value.length} characters)` : `${value.slice(0, 4)}... (${value.length} characters)`;
}

/** A path without the values of its query, which may be credentials. */
export function maskedPath(path: string): string {
  return path.replace(/=[^&#]*/g, '=...');
}

/** Name and value, masked, in the order and spelling of the sender. */
export function maskedHeaders(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    pairs.push([name, maskedHeader(name, value)]);
  }
  return pairs;
}

export interface RejectedDetail {
  readonly entry: RejectedEntry;
  /** A text: why it could not be unsealed. */
  readonly request: RejectedRequest | string;
  readonly payload: Payload;
}

/** As JSON, credentials masked. */
export function rejectedJson({ entry, request, payload }: RejectedDetail): object {
  if (typeof request === 'string') return { ...entry, sealed: request, payload };
  const { method, path, rawHeaders, remoteAddress = null } = request;
  return { ...entry, method, path: maskedPath(path), remoteAddress, headers: maskedHeaders(rawHeaders), payload };
}

export function rejectedText({ entry, request, payload }: RejectedDetail): string {
  const facts = [
    ['source', entry.source],
    ['reason', entry.reason],
    ['received', entry.receivedAt],
    ...(typeof request === 'string'
      ? [['sealed', request]]
      : [
          ['request', `${request.method} ${maskedPath(request.path)}`],
          ['from', request.remoteAddress ?? ''],
        ]),
    ['body', `${entry.bodyBytes} bytes`],
  ];
  return [
    `Rejected request ${entry.seq}`,
    table(['what', 'is'], facts),
    ...(typeof request === 'string' ? [] : ['\nHeaders', table(['header', 'value'], maskedHeaders(request.rawHeaders))]),
    '\nBody',
    'text' in payload ? payload.text : `(base 64) ${payload.base64}`,
  ].join('\n');
}

export function countsText(counts: readonly RejectedCount[]): string {
  const rows = counts.map(({ source, reason, requests, bytes, firstAt, lastAt }) => [source, reason, requests, bytes, firstAt, lastAt]);
  return table(['source', 'reason', 'requests', 'bytes', 'first', 'last'], rows);
}

export function entriesText(entries: readonly RejectedEntry[], limit: number): string {
  const rows = entries.map(({ seq, receivedAt, source, reason, bodyBytes }) => [seq, receivedAt, source, reason, bodyBytes]);
  const more = entries.length < limit ? '' : `\nMore: --after ${entries.at(-1)!.seq}`;
  return rows.length === 0 ? 'No more.' : `${table(['request', 'received', 'source', 'reason', 'bytes'], rows)}${more}`;
}

/** How many came out how. */
export interface ReadmissionCount {
  readonly outcome: ReadmitOutcome;
  readonly because: string | null;
  readonly requests: number;
}

export function countReadmissions(readmissions: readonly Readmission[]): ReadmissionCount[] {
  const counts = new Map<string, ReadmissionCount>();
  for (const { outcome, because = null } of readmissions) {
    const name = `${outcome} ${because}`;
    counts.set(name, { outcome, because, requests: (counts.get(name)?.requests ?? 0) + 1 });
  }
  return [...counts.values()].sort((first, second) => second.requests - first.requests);
}

const SAYS: Readonly<Record<ReadmitOutcome, string>> = {
  admitted: 'an event now, with the time of its first receipt; removed from REJECTED',
  admissible: 'would be admitted',
  duplicate: 'was accepted already; removed from REJECTED',
  refused: 'still not verified; stays',
  unusable: 'genuine, and no event; stays',
  unreadable: 'sealed with a key that ingest does not have, or changed; stays',
  'no-source': 'the source is not there any more; stays',
  gone: 'not there any more',
};

export function readmissionsText(readmissions: readonly Readmission[]): string {
  const rows = countReadmissions(readmissions).map(({ outcome, because, requests }) => [requests, outcome, because, SAYS[outcome]]);
  return table(['requests', 'outcome', 'because', 'that is'], rows);
}
