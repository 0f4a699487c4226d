import type { FastifyRequest } from 'fastify';
import { readBinaryEvent, hasEventHeaders } from '../../../lib/cloudevents/binary-event.ts';
import type { EventMistake, ReadEvent } from '../../../lib/cloudevents/cloud-event.ts';
import { isUtf8Type, parseContentType } from '../../../lib/core/content-type.ts';
import { MAX_BATCH_EVENTS, readEventBatch, readStructuredEvent } from '../../../lib/cloudevents/structured-event.ts';
import { toldText } from '../../../lib/cloudevents/told.ts';
import { AppError, type Mistake } from '../../../lib/core/app-error.ts';
import { JsonFault } from '../../../lib/core/json-fault.ts';
import { headersFromRaw } from '../../../lib/webhook/webhook-headers.ts';

export const STRUCTURED_TYPE = 'application/cloudevents+json';
export const BATCH_TYPE = 'application/cloudevents-batch+json';

export type EventMode = 'structured' | 'binary' | 'batch';

/**
 * The mode of a request by its headers (HTTP binding, 3): CloudEvents' own types are structured or batched, all else is
 * binary where there are `ce-` headers. @throws AppError `unsupported_media_type`, `invalid_header`
 */
export function eventMode(request: FastifyRequest, takesBatch: boolean): EventMode {
  const headers = headersFromRaw(request.raw.rawHeaders);
  const encoding = headers.one('content-encoding');
  if (encoding.kind !== 'missing' && !(encoding.kind === 'one' && encoding.value.toLowerCase() === 'identity'))
    throw new AppError('unsupported_media_type', 'content-encoding: expected none');
  const given = headers.one('content-type');
  const type = given.kind === 'one' ? parseContentType(given.value) : undefined;
  const isOurs = type !== undefined && type.mediaType === (takesBatch ? BATCH_TYPE : STRUCTURED_TYPE) && isUtf8Type(type);
  if (isOurs) return takesBatch ? 'batch' : 'structured';
  const isOther = type === undefined ? given.kind !== 'missing' : type.mediaType.startsWith('application/cloudevents');
  if (!takesBatch && !isOther && hasEventHeaders(request.raw.rawHeaders)) return 'binary';
  const expected = takesBatch ? `${BATCH_TYPE}, in UTF-8` : `${STRUCTURED_TYPE}, in UTF-8, or ce- headers and a type of the data`;
  const isOtherRoutes = type?.mediaType === (takesBatch ? STRUCTURED_TYPE : BATCH_TYPE);
  const hint = takesBatch ? 'one event goes to /v1/events' : 'a batch goes to /v1/events/batch';
  throw new AppError(
    'unsupported_media_type',
    `expected ${expected}, got ${given.kind === 'one' ? toldText(given.value) : given.kind === 'missing' ? 'none' : 'several'}${isOtherRoutes ? `; ${hint}` : ''}`,
  );
}

/** Of a batch one for each of its events, in order. @throws AppError where the body as a whole cannot be read */
export function readEvents(mode: EventMode, request: FastifyRequest): readonly ReadEvent[] {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  try {
    if (mode === 'structured') return [readStructuredEvent(body)];
    if (mode === 'binary') return [readBinaryEvent(request.raw.rawHeaders, request.headers['content-type'], body)];
    const batch = readEventBatch(body);
    if (batch === 'no_array')
      throw invalidEvent([{ place: { pointer: '' }, because: 'expected an array of events; one event goes to /v1/events' }]);
    if (batch === 'too_many') throw new AppError('too_large', `expected at most ${MAX_BATCH_EVENTS} events, got more`);
    return batch;
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const { pointer, offset } = error.place;
    throw new AppError(error.code, `byte ${offset}: ${error.message}`, {
      cause: error,
      mistakes: [{ pointer, offset, detail: error.message }],
    });
  }
}

/** @returns the error that tells all mistakes, the first one as its sentence */
export function invalidEvent(mistakes: readonly EventMistake[]): AppError {
  const told: Mistake[] = mistakes.map(({ place, because }) => ({ ...place, detail: because }));
  const [first] = told;
  const where = first?.header ?? first?.pointer ?? '';
  const sentence = `${where === '' ? 'the body' : where}: ${first?.detail ?? ''}`;
  return new AppError('invalid_event', told.length > 1 ? `${sentence}, and ${told.length - 1} more` : sentence, { mistakes: told });
}

/** The draft's header is a text in quotes (draft-ietf-httpapi-idempotency-key-header); most clients send it bare. */
const IDEMPOTENCY_KEY = /^("?)([A-Za-z0-9._:-]{1,128})\1$/;

/** @throws AppError `invalid_header` where it was sent twice, or is not a plain key */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const given = headersFromRaw(request.raw.rawHeaders).one('idempotency-key');
  if (given.kind === 'missing') return undefined;
  const key = given.kind === 'one' ? IDEMPOTENCY_KEY.exec(given.value)?.[2] : undefined;
  if (key !== undefined) return key;
  const detail = 'expected it once, with 1 to 128 letters, digits, dots, colons, _ and -';
  throw new AppError('invalid_header', `idempotency-key: ${detail}`, { mistakes: [{ header: 'idempotency-key', detail }] });
}
