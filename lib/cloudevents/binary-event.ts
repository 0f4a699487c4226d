import { scanJson } from '../core/json-scan.ts';
import { ATTRIBUTE_NAME, MAX_ATTRIBUTES, REQUIRED_ATTRIBUTES, checkAttribute } from './attributes.ts';
import type { CloudEvent, EventMistake, ReadEvent } from './cloud-event.ts';
import { isUtf8Type, parseContentType } from '../core/content-type.ts';
import { toldText } from './told.ts';

/** What attributes are headers of, in binary mode. */
const PREFIX = 'ce-';
/** RFC 9110, 8.3: a sender that does not know the type says none. */
const UNKNOWN_TYPE = 'application/octet-stream';

/** Whether any of Node's `rawHeaders` (name, value, name, value ...) is an attribute. */
export function hasEventHeaders(rawHeaders: readonly string[]): boolean {
  return rawHeaders.some((name, index) => index % 2 === 0 && isAttributeHeader(name));
}

/**
 * An event in binary mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md,
 * 3.1): attributes from Node's `rawHeaders`, the body as its data. A body that says it is JSON has to be.
 * @throws JsonFault where it is not
 */
export function readBinaryEvent(rawHeaders: readonly string[], contentType: string | undefined, body: Uint8Array): ReadEvent {
  const mistakes: EventMistake[] = [];
  const add = (header: string, because: string) => void mistakes.push({ place: { header }, because });
  const attributes = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (!isAttributeHeader(rawHeaders[index] ?? '')) continue;
    const header = (rawHeaders[index] ?? '').toLowerCase();
    const name = header.slice(PREFIX.length);
    if (seen.has(name)) {
      add(header, 'expected it once');
      continue;
    }
    seen.add(name);
    const because = ATTRIBUTE_NAME.test(name) ? undefined : 'expected a name of 1 to 64 lower-case letters and digits';
    if (because !== undefined || name === 'datacontenttype' || name === 'data') {
      add(header, because ?? 'expected Content-Type and the body instead');
      continue;
    }
    const value = readValue(name, rawHeaders[index + 1] ?? '');
    if (value.ok) attributes[name] = value.text;
    else add(header, value.because);
  }
  for (const name of REQUIRED_ATTRIBUTES) if (!seen.has(name)) add(PREFIX + name, 'expected it, got nothing');
  if (seen.size > MAX_ATTRIBUTES) add(`${PREFIX}*`, `expected at most ${MAX_ATTRIBUTES}, got ${seen.size}`);
  const type = parseContentType(contentType ?? UNKNOWN_TYPE);
  if (type === undefined) add('content-type', `expected a media type (RFC 9110), got ${toldText(contentType ?? '')}`);
  else if (type.isJson && !isUtf8Type(type))
    add('content-type', `expected no charset but utf-8 with JSON, got ${toldText(contentType ?? '')}`);
  else if (type.isJson && body.length > 0) {
    const { prototype } = scanJson(body);
    if (prototype !== undefined) mistakes.push({ place: prototype, because: "expected no name of an object's prototype" });
  }
  if (mistakes.length > 0) return { ok: false, mistakes };
  return { ok: true, event: { attributes: attributes as CloudEvent['attributes'], contentType: contentType ?? UNKNOWN_TYPE, data: body } };
}

function isAttributeHeader(name: string): boolean {
  return name.length > PREFIX.length && name.slice(0, PREFIX.length).toLowerCase() === PREFIX;
}

type Value = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly because: string };

function readValue(name: string, sent: string): Value {
  const text = decodeValue(sent);
  if (text === undefined) return { ok: false, because: 'expected printable ASCII, all else percent-encoded as UTF-8' };
  const because = checkAttribute(name, text);
  if (because === undefined) return { ok: true, text };
  // Some SDKs send addresses as they are: then the decoded one is none, and what was sent is.
  const isAddress = (name === 'source' || name === 'dataschema') && checkAttribute(name, sent) === undefined;
  return isAddress ? { ok: true, text: sent } : { ok: false, because };
}

/** 3.1.3.2: double quotes and their backslashes of older versions first, then one round of percent-decoding. */
function decodeValue(value: string): string | undefined {
  if (/[^\t -~]/.test(value)) return undefined;
  const bare = /^"(?:[^"\\]|\\.)*"$/.test(value) ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    return undefined;
  }
}
