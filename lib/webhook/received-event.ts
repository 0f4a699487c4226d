import { AppError } from '../core/app-error.ts';
import { eventId, randomEventId } from '../core/identity.ts';
import type { Priority } from '../core/priority.ts';
import { textAt } from './body-path.ts';
import type { Locator } from './presets.ts';
import type { Source } from './source.ts';
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

export interface ReceivedWebhook {
  readonly source: Source;
  readonly headers: WebhookHeaders;
  readonly body: Uint8Array;
  /** The parsed body; its shape is whatever the sender made it. */
  readonly value: unknown;
  readonly contentType: string;
  readonly traceparent: string;
  readonly nowMs: number;
}

/** What providers use for ids, and nothing that could mean something else further on; a dot would make a signature ambiguous. */
const PROVIDER_ID = /^[A-Za-z0-9_-]{1,128}$/;
/** A type or key is a label. A longer one is cut: that joins two mailboxes at worst, and breaks no order. */
const MAX_TEXT = 256;

/**
 * The provider's id. @throws AppError `invalid_header` where it was sent twice, or is not a plain id
 */
export function providerIdOf(source: Source, headers: WebhookHeaders): string | undefined {
  if (source.id === null || 'path' in source.id) return undefined;
  const { header } = source.id;
  const given = headers.one(header);
  if (given.kind === 'missing') return undefined;
  if (given.kind === 'several') throw new AppError('invalid_header', `${header}: expected it once, got it several times`);
  if (!PROVIDER_ID.test(given.value))
    throw new AppError('invalid_header', `${header}: expected 1 to 128 letters, digits, _ and -, got something else`);
  return given.value;
}

/** Maps a verified webhook. Nothing is refused here but an id that is none: the sender is genuine, and workflows judge the rest. */
export function toReceivedEvent(webhook: ReceivedWebhook): ReceivedEvent {
  const { source, headers, value, nowMs } = webhook;
  const providerId = providerIdOf(source, headers);
  const id = providerId === undefined ? randomEventId(nowMs) : eventId(source.name, providerId);
  const find = (locator: Locator) => locate(locator, headers, value);
  return {
    id,
    providerId,
    source: source.name,
    type: source.type.map((parts) => typeOf(parts.map(find))).find((type) => type !== undefined) ?? 'unknown',
    key: source.key.map(find).find((key) => key !== undefined) ?? id,
    priority: priorityOf(source, value),
    time: timeOf(source, find),
    receivedAt: new Date(nowMs).toISOString(),
    contentType: webhook.contentType,
    traceparent: webhook.traceparent,
    body: webhook.body,
  };
}

function locate(locator: Locator, headers: WebhookHeaders, value: unknown): string | undefined {
  const text = 'header' in locator ? headerValue(headers, locator.header) : textAt(value, locator.path);
  return text === undefined || text === '' ? undefined : text.slice(0, MAX_TEXT).toWellFormed();
}

function typeOf(parts: readonly (string | undefined)[]): string | undefined {
  if (parts[0] === undefined) return undefined;
  return parts
    .filter((part) => part !== undefined)
    .join('.')
    .slice(0, MAX_TEXT);
}

function priorityOf(source: Source, value: unknown): Priority {
  const rule = source.priority;
  if (rule.kind === 'fixed') return rule.priority;
  const found = textAt(value, rule.path);
  return found !== undefined && Object.hasOwn(rule.values, found) ? (rule.values[found] ?? rule.otherwise) : rule.otherwise;
}

function timeOf({ time }: Source, find: (locator: Locator) => string | undefined): string | undefined {
  const seconds = time === null ? undefined : find(time);
  // Eleven digits reach the year 5138; a text of another form is no Unix time.
  return seconds !== undefined && /^[1-9]\d{0,10}$/.test(seconds) ? new Date(Number(seconds) * 1000).toISOString() : undefined;
}
