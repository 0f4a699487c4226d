import { AppError } from '../core/app-error.ts';
import { eventId, randomEventId } from '../core/identity.ts';
import type { Priority } from '../core/priority.ts';
import { acceptedKind, ANY_MEDIA_TYPE } from './body-kind.ts';
import type { BodyKind } from './body-kind.ts';
import type { BodyTexts } from './body-reader.ts';
import type { Locator } from './presets.ts';
import type { Source } from './source.ts';
import { continueTrace } from './traceparent.ts';
import { headerValue } from './webhook-headers.ts';
import type { WebhookHeaders } from './webhook-headers.ts';

/** A verified webhook, as an event of ours. */
export interface ReceivedEvent {
  /** Its identity, `Vis-Id`. */
  readonly id: string;
  /** The provider's id; undefined where it gave none, and then nothing can be known as a duplicate. */
  readonly providerId: string | undefined;
  readonly source: string;
  /** As the provider says it; the subject shows it cut to size. */
  readonly type: string;
  /** The CloudEvents attributes of an event that came as one, as its sender wrote them; its headers in the log have them all. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly key: string;
  readonly priority: Priority;
  /** When it happened, RFC 3339, where the provider says so. */
  readonly time: string | undefined;
  /** RFC 3339 in UTC with milliseconds. */
  readonly receivedAt: string;
  readonly contentType: string;
  /** W3C Trace Context. */
  readonly traceparent: string;
  /** The raw bytes, as they were signed. */
  readonly body: Uint8Array;
}

/** A request that its source's `verify` has found genuine. */
export interface GenuineRequest {
  readonly source: Source;
  readonly headers: WebhookHeaders;
  readonly body: Uint8Array;
  /** The time of receipt. */
  readonly nowMs: number;
}

/** What a genuine request is: an event, or a challenge that only wants its answer. */
export type ReceivedWebhook =
  | { readonly kind: 'event'; readonly event: ReceivedEvent }
  | { readonly kind: 'challenge'; readonly answer: string };

/** What providers use for ids, and nothing that could mean something else further on; a dot would make a signature ambiguous. */
const PROVIDER_ID = /^[A-Za-z0-9_-]{1,128}$/;
/** A type or key is a label. A longer one is cut: that joins two mailboxes at worst, and breaks no order. */
const MAX_TEXT = 256;

/**
 * The content type and the kind of body that it announces.
 * @throws AppError `unsupported_media_type` where the source has not declared it, or it was sent twice
 */
export function contentOf(source: Source, headers: WebhookHeaders): { readonly contentType: string; readonly kind: BodyKind } {
  const given = headers.one('content-type');
  // RFC 9110 8.3: a body without a type may be taken for bytes.
  if (given.kind === 'missing' && source.contentTypes.includes(ANY_MEDIA_TYPE))
    return { contentType: 'application/octet-stream', kind: 'bytes' };
  const contentType = given.kind === 'one' ? given.value : '';
  const kind = acceptedKind(source.contentTypes, contentType);
  if (kind !== undefined) return { contentType, kind };
  throw new AppError('unsupported_media_type', `content-type: expected ${source.contentTypes.join(' or ')}, text in UTF-8`);
}

/**
 * Maps a verified request. Nothing is refused here but what its source's declaration excludes: the sender is genuine, and
 * workflows judge the rest.
 * @throws AppError `unsupported_media_type`; `invalid_json` with the offset where JSON is declared and it is none;
 * `invalid_header` for an id in a header that is no plain id
 */
export function receiveWebhook(request: GenuineRequest): ReceivedWebhook {
  const { source, headers, body, nowMs } = request;
  const { contentType, kind } = contentOf(source, headers);
  const read = source.readBody(kind, body);
  if (!read.ok)
    throw new AppError('invalid_json', `expected JSON: ${read.because}, at byte ${read.offset}`, {
      mistakes: [{ detail: read.because, offset: read.offset }],
    });
  const { texts } = read;
  const { challenge } = source;
  if (challenge !== null && texts.get(challenge.at) === challenge.is)
    return { kind: 'challenge', answer: texts.get(challenge.answer) ?? '' };

  const find = (locator: Locator) => locate(locator, headers, texts);
  const identity = identityOf(source, headers, texts, nowMs);
  const event: ReceivedEvent = {
    ...identity,
    source: source.name,
    type: source.type.map((parts) => typeOf(parts.map(find))).find((type) => type !== undefined) ?? 'unknown',
    key: source.key.map(find).find((key) => key !== undefined) ?? identity.id,
    priority: priorityOf(source, texts),
    time: timeOf(source, find),
    receivedAt: new Date(nowMs).toISOString(),
    contentType,
    traceparent: continueTrace(headerValue(headers, 'traceparent')),
    body,
  };
  return { kind: 'event', event };
}

/**
 * An id in a header has to be a plain one, as it may be signed between dots. One in the body is whatever its provider makes
 * it, and no reason to refuse a genuine event: all of it makes the identity, and one that is too long to show is shown as that.
 */
function identityOf(source: Source, headers: WebhookHeaders, texts: BodyTexts, nowMs: number): Pick<ReceivedEvent, 'id' | 'providerId'> {
  const given = source.id === null ? undefined : 'header' in source.id ? idInHeader(source.id.header, headers) : texts.get(source.id.path);
  if (given === undefined) return { id: randomEventId(nowMs), providerId: undefined };
  // Halves of surrogate pairs have no UTF-8, and two ids that differ in them are two; JSON writes them as escapes.
  const text = given.isWellFormed() ? given : JSON.stringify(given);
  // A NUL marks what a client's event has in this place (`clientEventKey`): no sender of webhooks may take that first.
  const id = eventId(source.name, text.includes('\0') ? JSON.stringify(text) : text);
  return { id, providerId: text.length > MAX_TEXT ? id : text };
}

function idInHeader(header: string, headers: WebhookHeaders): string | undefined {
  const given = headers.one(header);
  if (given.kind === 'missing') return undefined;
  if (given.kind === 'several') throw new AppError('invalid_header', `${header}: expected it once, got it several times`);
  if (!PROVIDER_ID.test(given.value))
    throw new AppError('invalid_header', `${header}: expected 1 to 128 letters, digits, _ and -, got something else`);
  return given.value;
}

function locate(locator: Locator, headers: WebhookHeaders, texts: BodyTexts): string | undefined {
  const text = 'header' in locator ? headerValue(headers, locator.header) : texts.get(locator.path);
  return text === undefined || text === '' ? undefined : text.slice(0, MAX_TEXT).toWellFormed();
}

function typeOf(parts: readonly (string | undefined)[]): string | undefined {
  if (parts[0] === undefined) return undefined;
  return parts
    .filter((part) => part !== undefined)
    .join('.')
    .slice(0, MAX_TEXT);
}

function priorityOf({ priority }: Source, texts: BodyTexts): Priority {
  if (priority.kind === 'fixed') return priority.priority;
  const found = texts.get(priority.path);
  return found !== undefined && Object.hasOwn(priority.values, found) ? (priority.values[found] ?? priority.otherwise) : priority.otherwise;
}

function timeOf({ time }: Source, find: (locator: Locator) => string | undefined): string | undefined {
  const seconds = time === null ? undefined : find(time);
  // Eleven digits reach the year 5138; a text of another form is no Unix time.
  return seconds !== undefined && /^[1-9]\d{0,10}$/.test(seconds) ? new Date(Number(seconds) * 1000).toISOString() : undefined;
}
