import { createInbox } from '@nats-io/transport-node';
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Message } from '../../lib/actor/message.ts';
import { AppError, toAppError } from '../../lib/core/app-error.ts';
import { eventId } from '../../lib/core/identity.ts';
import type { Seal } from '../../lib/core/seal.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import type { BrokerLink } from '../../lib/jetstream/broker-link.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import type { RejectedMetrics } from '../../lib/telemetry/door-metrics.ts';
import { receiveWebhook } from '../../lib/webhook/received-event.ts';
import type { ReceivedEvent } from '../../lib/webhook/received-event.ts';
import { readRejected } from '../../lib/webhook/rejected-request.ts';
import type { RejectedRequest } from '../../lib/webhook/rejected-request.ts';
import type { Source } from '../../lib/webhook/source.ts';
import { headersFromRaw } from '../../lib/webhook/webhook-headers.ts';
import { readmitRequestSchema } from '../../streams/readmission.ts';
import type { ReadmitAnswer, ReadmitResult } from '../../streams/readmission.ts';
import { READMIT_SUBJECT, STREAMS, parseSubject } from '../../streams/subjects.ts';
import type { Acceptor } from './acceptor.ts';

export interface ReadmissionOptions {
  readonly link: Pick<BrokerLink, 'connection' | 'onChange'>;
  readonly settings: Pick<Settings, 'findSource' | 'isUndecided'>;
  readonly acceptor: Acceptor;
  readonly seal: Pick<Seal, 'open'>;
  readonly metrics: RejectedMetrics;
  readonly log: Logger;
}

/** What became of one request, or the event that it is. */
type Judgement = ReadmitResult | { readonly seq: number; readonly source: string; readonly event: ReceivedEvent };

/**
 * Answers `visapi rejected readmit` (streams/readmission.ts).
 *
 * 1. Requests are judged as they would have been at their first receipt: with the secrets of now and the clock of then. So a
 *    secret that has expired since counts for what came before that, and one that was leaked and has expired proves nothing
 *    that came afterwards. The reach of a signed time is measured from then, too.
 * 2. They go through the door's own acceptor, one group after the other, in the order asked: the identities that it remembers
 *    make a provider's retry and the readmitted request one event, whichever comes first.
 * 3. Nothing is removed here: whoever asked removes what was admitted. A crash in between shows as `duplicate` at the next
 *    try; where the provider gave no id, the request's own identity is the event's.
 */
export function startReadmission(options: ReadmissionOptions): { stop(): Promise<void> } {
  const { link, log } = options;
  const session = createInbox('visapi.ingest.readmission');
  let last: Promise<void> = Promise.resolve();
  let subscriptions: Subscription[] | undefined;

  function listen(): void {
    const { connection } = link;
    if (connection === undefined || subscriptions !== undefined) return;
    const callback = (error: Error | null, message: Msg): void => {
      // One after the other, also where two people ask.
      if (error === null) last = last.then(() => answer(connection, message));
    };
    subscriptions = [
      connection.nats.subscribe(READMIT_SUBJECT, { queue: 'ingest', callback }),
      connection.nats.subscribe(session, { callback }),
    ];
  }

  async function answer(connection: BrokerConnection, message: Msg): Promise<void> {
    let reply: ReadmitAnswer;
    try {
      const { seqs, isDryRun } = readmitRequestSchema.parse(message.json());
      reply = { session, results: await readmit(options, connection, seqs, isDryRun) };
    } catch (cause) {
      const { code, message: text } = toAppError(cause, 'bad_request');
      log.warn({ err: cause }, 'readmission not finished');
      reply = { session, error: { code, message: text } };
    }
    if (!connection.nats.isClosed()) message.respond(JSON.stringify(reply));
  }

  listen();
  // The broker may be reached for the first time much later than we start.
  const stopListening = link.onChange(listen);
  return {
    async stop() {
      stopListening();
      if (link.connection?.nats.isClosed() === false) for (const subscription of subscriptions ?? []) subscription.unsubscribe();
      await last;
    },
  };
}

async function readmit(
  options: ReadmissionOptions,
  connection: BrokerConnection,
  seqs: readonly number[],
  isDryRun: boolean,
): Promise<ReadmitResult[]> {
  const stored = await Promise.all(seqs.map((seq) => readStored(connection, STREAMS.rejected, seq)));
  const judged = seqs.map((seq, index) => judge(options, seq, stored[index]));
  const events = judged.flatMap((each) => ('event' in each ? [each.event] : []));
  const accepted = isDryRun ? undefined : await accept(options.acceptor, events);
  let next = 0;
  const results = judged.map((each): ReadmitResult => {
    if (!('event' in each)) return each;
    const { seq, event } = each;
    const result = accepted?.[next++];
    if (result instanceof AppError) return { seq, outcome: 'unusable', because: result.code };
    return { seq, outcome: result === undefined ? 'admissible' : result.duplicate ? 'duplicate' : 'admitted', eventId: event.id };
  });
  if (!isDryRun) {
    count(options.metrics, results, stored);
    const admitted = results.filter(({ outcome }) => outcome === 'admitted').length;
    options.log.info({ count: results.length, admitted }, 'rejected requests judged again');
  }
  return results;
}

/** Together where they can be, one by one where one of them can never be taken. */
async function accept(acceptor: Acceptor, events: readonly ReceivedEvent[]): Promise<readonly ({ duplicate: boolean } | AppError)[]> {
  if (events.length === 0) return [];
  try {
    return await acceptor.accept(events);
  } catch (error) {
    if (!(error instanceof AppError) || error.retryable) throw error;
    const [only] = events;
    if (events.length === 1 && only !== undefined) return [error];
    const results: ({ duplicate: boolean } | AppError)[] = [];
    for (const event of events) results.push(...(await accept(acceptor, [event])));
    return results;
  }
}

/** @throws AppError `not_accepting` while nobody can say who the source is */
function judge({ settings, seal }: ReadmissionOptions, seq: number, stored: Message | undefined): Judgement {
  if (stored === undefined) return { seq, outcome: 'gone' };
  const subject = parseSubject(stored.subject);
  const name = subject?.kind === 'rejected' ? subject.source : '';
  const source = settings.findSource(name);
  if (source === undefined && settings.isUndecided(name)) throw new AppError('not_accepting', `expected to know the source ${name}`);
  if (source === undefined) return { seq, outcome: 'no-source' };
  try {
    return judgeRequest(source, seq, readRejected({ source: source.name, headers: stored.headers, body: stored.body }, seal));
  } catch (error) {
    const { code } = toAppError(error);
    return code === 'cannot_unseal' ? { seq, outcome: 'unreadable', because: code } : { seq, outcome: 'unusable', because: code };
  }
}

function judgeRequest(source: Source, seq: number, request: RejectedRequest): Judgement {
  const { body, receivedAtMs: nowMs } = request;
  const headers = headersFromRaw(request.rawHeaders);
  const verification = source.verify(headers, body, nowMs);
  if (!verification.ok) return { seq, outcome: 'refused', because: verification.reason };
  const received = receiveWebhook({ source, headers, body, nowMs });
  if (received.kind === 'challenge') return { seq, outcome: 'unusable', because: 'challenge' };
  const { event } = received;
  return { seq, source: source.name, event: event.providerId === undefined ? withIdentity(event, request.id) : event };
}

/** Without a provider's id the event's is random, and a second readmission would be a second event. */
function withIdentity(event: ReceivedEvent, requestId: string): ReceivedEvent {
  const id = eventId(event.source, requestId);
  return { ...event, id, providerId: requestId, key: event.key === event.id ? id : event.key };
}

function count(metrics: RejectedMetrics, results: readonly ReadmitResult[], stored: readonly (Message | undefined)[]): void {
  results.forEach(({ outcome }, index) => {
    const subject = parseSubject(stored[index]?.subject ?? '');
    // Only names that a source has or had become labels.
    if (subject?.kind === 'rejected') metrics.readmitted.inc({ source: subject.source, outcome });
  });
}
