import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../lib/core/app-error.ts';
import { noteRequest } from '../../lib/http/edge-server.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { refuseOtherMethods } from '../../lib/http/openapi.ts';
import { traceIdOf } from '../../lib/telemetry/canonical-line.ts';
import type { IngestMetrics } from '../../lib/telemetry/metrics.ts';
import { headerMistake } from '../../lib/webhook/header-mistake.ts';
import { receiveWebhook } from '../../lib/webhook/received-event.ts';
import type { Source } from '../../lib/webhook/source.ts';
import { headersFromRaw } from '../../lib/webhook/webhook-headers.ts';
import { RETRY_AFTER_SECONDS, type Acceptor } from './acceptor.ts';
import { RECEIVE_WEBHOOK } from './hooks-schema.ts';
import type { RejectedStore } from './rejected-store.ts';
import { limitOf, refuseUnread, tooLarge } from './unread-request.ts';

export interface HooksOptions {
  readonly settings: Pick<Settings, 'findSource' | 'isUndecided'>;
  readonly acceptor: Acceptor;
  /** Keeps what could not be verified. */
  readonly rejected: Pick<RejectedStore, 'keep'>;
  readonly metrics: IngestMetrics;
  readonly now: () => number;
}

export const HOOKS_ROUTE = '/hooks/:source';

/**
 * `POST /hooks/:source`: who sent it is decided on the raw bytes before anything reads them; then it has to be JSON; then it
 * is accepted. The order is the point: an unverified sender learns nothing but that it was not verified, and which of its headers
 * is not in the form.
 */
export function addHooksRoute(server: FastifyInstance, options: HooksOptions): void {
  const { acceptor, metrics, now } = options;
  /** Where nobody can say whether there is such a source, the sender comes again: a 404 would make it give up. */
  const unknownSource = (name: string): AppError =>
    options.settings.isUndecided(name)
      ? new AppError('not_accepting', 'expected to know the sources', { retryAfterSeconds: RETRY_AFTER_SECONDS })
      : new AppError('not_found', 'expected the name of a source');

  server.post<{ Params: { source: string } }>(
    HOOKS_ROUTE,
    {
      schema: RECEIVE_WEBHOOK,
      onRequest: (request, _reply, done) => {
        const source = options.settings.findSource(request.params.source);
        if (source === undefined) return done(unknownSource(request.params.source));
        noteRequest(request, { source: source.name });
        const { rawHeaders, headers } = request.raw;
        return done(refuseUnread(source, headersFromRaw(rawHeaders), Number(headers['content-length'] ?? 0)));
      },
    },
    async (request, reply) => {
      const source = options.settings.findSource(request.params.source);
      // The sources may be read anew between the headers and the end of the body.
      if (source === undefined) throw unknownSource(request.params.source);
      const headers = headersFromRaw(request.raw.rawHeaders);
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const receivedAtMs = now();
      noteRequest(request, { bytes: body.length });
      // A chunked body shows its size only at its end; the program's own limit has bounded it.
      if (body.length > limitOf(source)) throw tooLarge(source);
      verify(request, source, body, receivedAtMs, headers, options.rejected);
      const received = receiveWebhook({ source, headers, body, nowMs: receivedAtMs });
      if (received.kind === 'challenge') {
        noteRequest(request, { reason: 'challenge' });
        return reply.code(200).type('text/plain; charset=utf-8').send(received.answer);
      }
      const { event } = received;
      const traceId = traceIdOf(event.traceparent);
      noteRequest(request, { eventId: event.id, type: event.type, ...(traceId === undefined ? {} : { traceId }) });
      const endTimer = metrics.acceptSeconds.startTimer();
      const [{ duplicate } = { duplicate: false }] = await acceptor.accept([event]);
      endTimer();
      noteRequest(request, { duplicate, reason: 'accepted' });
      metrics.accepted.inc({ source: source.name, duplicate: String(duplicate) });
      metrics.bodyBytes.observe(body.length);
      const { status, body: form } = source.accepted;
      return form === 'empty' ? reply.code(status).send() : reply.code(status).send({ id: event.id, duplicate });
    },
  );
  refuseOtherMethods(server, HOOKS_ROUTE, 'POST');
}

/** The reason goes into the log and the metric; the answer is the same wherever a secret was looked at. The request is kept: the secret may be ours that is wrong. */
function verify(
  request: FastifyRequest,
  source: Source,
  body: Buffer,
  nowMs: number,
  headers: ReturnType<typeof headersFromRaw>,
  rejected: Pick<RejectedStore, 'keep'>,
): void {
  const verification = source.verify(headers, body, nowMs);
  if (verification.ok) return;
  const { reason } = verification;
  noteRequest(request, { reason });
  rejected.keep({
    source: source.name,
    reason,
    receivedAtMs: nowMs,
    method: request.method,
    path: request.raw.url ?? '',
    rawHeaders: request.raw.rawHeaders,
    remoteAddress: request.ip,
    body,
  });
  const mistake = headerMistake(verification);
  if (mistake === undefined) throw new AppError('unauthenticated', 'not verified');
  throw new AppError('unauthenticated', `${mistake.header}: ${mistake.detail}`, { mistakes: [mistake] });
}
