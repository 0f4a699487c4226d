import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../lib/core/app-error.ts';
import { noteRequest } from '../../lib/http/edge-server.ts';
import { refuseOtherMethods } from '../../lib/http/openapi.ts';
import { problemOf, type Problem } from '../../lib/http/problem.ts';
import { createRequestLimit } from '../../lib/http/request-limits.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { traceIdOf } from '../../lib/telemetry/canonical-line.ts';
import type { IngestMetrics } from '../../lib/telemetry/metrics.ts';
import type { ReceivedEvent } from '../../lib/webhook/received-event.ts';
import { headerValue, headersFromRaw } from '../../lib/webhook/webhook-headers.ts';
import { acceptEach, type Acceptor } from './acceptor.ts';
import { toClientEvent } from './events/client-event.ts';
import { SEND_BATCH, SEND_EVENT } from './events/events-schema.ts';
import { createKeyGuard } from './events/key-guard.ts';
import { eventMode, idempotencyKeyOf, invalidEvent, readEvents, type EventMode } from './events/read-request.ts';

export interface EventsOptions {
  readonly settings: Pick<Settings, 'keys' | 'state'>;
  readonly acceptor: Acceptor;
  readonly metrics: IngestMetrics;
  readonly now: () => number;
  /** Requests with one key, in this process; 0: any number. */
  readonly keyRequestsPerSecond: number;
}

interface Receipt {
  readonly id: string;
  readonly duplicate: boolean;
}

/** What became of one event of a batch. */
export type BatchResult = Receipt | { readonly problem: Problem };

/**
 * `POST /v1/events` and `POST /v1/events/batch`, for clients of our own: CloudEvents under an API key. A client can mend
 * what it sends, so all that is wrong is told with its place, and nothing is guessed.
 */
export function addEventsRoutes(server: FastifyInstance, options: EventsOptions): void {
  const { acceptor, metrics, now } = options;
  const guard = createKeyGuard(options.settings, 'events:write', now);
  const limitKey = createRequestLimit(server, options.keyRequestsPerSecond, (request) => guard.keyOf(request).id);
  const modes = new WeakMap<FastifyRequest, EventMode>();

  /** One call for all of a request, so that a journal has them together and in order. @throws where none of them is stored */
  async function accept(request: FastifyRequest, events: readonly ReceivedEvent[]): Promise<(Receipt | AppError)[]> {
    const endTimer = metrics.acceptSeconds.startTimer();
    const outcomes = await acceptEach(acceptor, events);
    endTimer();
    noteRequest(request, { reason: 'accepted' });
    return events.map(({ id, source, body }, index) => {
      const outcome = outcomes[index];
      if (outcome instanceof AppError) {
        metrics.rejected.inc({ source, reason: outcome.code });
        return outcome;
      }
      const duplicate = outcome?.duplicate ?? false;
      metrics.accepted.inc({ source, duplicate: String(duplicate) });
      metrics.bodyBytes.observe(body.length);
      return { id, duplicate };
    });
  }

  function read(request: FastifyRequest) {
    const { source } = guard.keyOf(request);
    const traceparent = headerValue(headersFromRaw(request.raw.rawHeaders), 'traceparent');
    const idempotencyKey = idempotencyKeyOf(request);
    noteRequest(request, { bytes: Buffer.isBuffer(request.body) ? request.body.length : 0 });
    return {
      reads: readEvents(modes.get(request) ?? 'structured', request),
      sending: { source, traceparent, idempotencyKey, nowMs: now() },
    };
  }

  const checkHeaders = (takesBatch: boolean) => async (request: FastifyRequest, reply: Parameters<typeof guard.check>[1]) => {
    guard.check(request, reply);
    await limitKey(request);
    modes.set(request, eventMode(request, takesBatch));
  };

  server.post('/v1/events', { schema: SEND_EVENT, onRequest: checkHeaders(false) }, async (request, reply) => {
    const { reads, sending } = read(request);
    const [found] = reads;
    if (found === undefined || !found.ok) throw invalidEvent(found?.mistakes ?? []);
    const event = toClientEvent(found.event, sending);
    const traceId = traceIdOf(event.traceparent);
    noteRequest(request, { eventId: event.id, type: event.type, ...(traceId === undefined ? {} : { traceId }) });
    const [receipt] = await accept(request, [event]);
    if (receipt instanceof AppError) throw receipt;
    noteRequest(request, { duplicate: receipt?.duplicate ?? false });
    return reply.code(202).send(receipt);
  });

  server.post('/v1/events/batch', { schema: SEND_BATCH, onRequest: checkHeaders(true) }, async (request, reply) => {
    const { reads, sending } = read(request);
    const events: ReceivedEvent[] = [];
    const results: (BatchResult | number)[] = [];
    for (const [index, found] of reads.entries()) {
      if (!found.ok) {
        results.push({ problem: problemOf(invalidEvent(found.mistakes)) });
        continue;
      }
      const idempotencyKey = sending.idempotencyKey === undefined ? undefined : `${sending.idempotencyKey}/${index}`;
      results.push(events.length);
      events.push(toClientEvent(found.event, { ...sending, idempotencyKey }));
    }
    noteRequest(request, { count: reads.length });
    if (events.length === 0 && reads.length > 0) throw invalidEvent(reads.flatMap((found) => (found.ok ? [] : found.mistakes)));
    const receipts = events.length === 0 ? [] : await accept(request, events);
    const errors = receipts.filter((receipt) => receipt instanceof AppError);
    const invalid = reads.length - events.length;
    const refused = invalid + errors.length;
    if (refused > 0) noteRequest(request, { reason: 'partly_accepted' });
    if (invalid > 0) metrics.rejected.inc({ source: sending.source, reason: 'invalid_event' }, invalid);
    const retryAfterSeconds = errors.find((error) => error.retryAfterSeconds !== undefined)?.retryAfterSeconds;
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    return reply.code(refused > 0 ? 207 : 202).send({
      accepted: reads.length - refused,
      refused,
      results: results.map((result): BatchResult | undefined => {
        if (typeof result !== 'number') return result;
        const receipt = receipts[result];
        return receipt instanceof AppError ? { problem: problemOf(receipt) } : receipt;
      }),
    });
  });
  refuseOtherMethods(server, '/v1/events', 'POST');
  refuseOtherMethods(server, '/v1/events/batch', 'POST');
}
