import { createHash } from 'node:crypto';

/**
 * The fields that a log line may have. A field that is not listed here is left out, and only its name is kept (in
 * `omitted`): a header, a body, a name or an address cannot get into a log because somebody logged an object that held it.
 * Add a field here only when its values can never be a secret or personal data.
 */
export const LOG_FIELDS: ReadonlySet<string> = new Set([
  // who and where
  'actor',
  'consumer',
  'host',
  'instance',
  'key',
  'lane',
  'owner',
  'partition',
  'pid',
  'port',
  'slot',
  'source',
  'stream',
  'subject',
  'unit',
  'units',
  'url',
  // what
  'channel',
  'commandId',
  'deadLetterId',
  'effect',
  'effectId',
  'eventId',
  'messageId',
  'name',
  'priority',
  'providerId',
  'run',
  'seq',
  'step',
  'traceId',
  'type',
  'version',
  'workflow',
  // how it went
  'attempt',
  'because',
  'check',
  'checks',
  'code',
  'duplicate',
  'epoch',
  'err',
  'exitCode',
  'fate',
  'kind',
  'method',
  'outcome',
  'reason',
  'round',
  'route',
  'signal',
  'state',
  'status',
  'verdict',
  // how much, how long
  'admitted',
  'afterMs',
  'behind',
  'bytes',
  'count',
  'delayMs',
  'floor',
  'from',
  'limit',
  'ms',
  'pending',
  'pulled',
  'queueMs',
  'rows',
  'size',
  'timeoutMs',
  'to',
  // once per start
  'addresses',
  'config',
  'sources',
]);

/** A key may be a customer's address: its lines can be put together by whoever knows the key, and tell nobody else. */
const HASHED_FIELDS: ReadonlySet<string> = new Set(['key']);

/** Longer texts are cut: a line stays a line, and a log stays a log. */
const MAX_TEXT = 1_000;

/** Keeps the fields that are listed, and names the others in `omitted`. */
export function keepListedFields(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  let omitted: string[] | undefined;
  for (const [name, value] of Object.entries(fields)) {
    if (LOG_FIELDS.has(name)) kept[name] = typeof value !== 'string' ? value : HASHED_FIELDS.has(name) ? hashText(value) : cleanText(value);
    else (omitted ??= []).push(name);
  }
  if (omitted !== undefined) kept['omitted'] = omitted;
  return kept;
}

/** The first 12 hex digits of its SHA-256. */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/**
 * What any text has that the rules of `cleanText` change: an address with a scheme, a blank behind a scheme's name, the
 * beginning of a token, a word for a secret. Nearly all values of a log have none of it, and one look costs a tenth of all rules.
 */
const MAY_HIDE = /:\/\/|\s|whsec_|xox[a-z]-|gh[a-z]_|vis_|passw|secret|token|key|signature/i;

/** Hides what is between `//` and `@` in an address, and what looks like a credential in free text; cuts what is too long. */
export function cleanText(text: string): string {
  return cut(MAY_HIDE.test(text) ? hide(text) : text);
}

function hide(text: string): string {
  return text
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1[set]@')
    .replaceAll(/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [set]')
    .replaceAll(/\b(whsec_|xox[a-z]-|gh[a-z]_|vis_)[A-Za-z0-9+/=_-]{8,}/g, '$1[set]')
    .replaceAll(/\b(password|passwd|secret|token|api_?key|signature)(["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi, '$1$2[set]');
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}... (${text.length} characters)` : text;
}
