import { scanJson } from '../core/json-scan.ts';
import { textOf } from '../core/json-text.ts';
import type { JsonMember, JsonNode } from '../core/json-scan.ts';
import { JsonFault } from '../core/json-fault.ts';
import { ATTRIBUTE_NAME, MAX_ATTRIBUTES, REQUIRED_ATTRIBUTES, checkAttribute, isTextAttribute } from './attributes.ts';
import type { CloudEvent, EventMistake, ReadEvent } from './cloud-event.ts';
import { isUtf8Type, parseContentType } from '../core/content-type.ts';
import { toldKind, toldText } from './told.ts';

/**
 * CloudEvents in JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md), read from the
 * bytes: data that is JSON stays the bytes that came.
 */

/** Of a batch that is larger, nothing is read; it is 1 KiB for each in a body of 1 MiB. */
export const MAX_BATCH_EVENTS = 1_000;

/** The longest number that is told as it is. Characters. */
const MAX_NUMBER = 24;

/** @throws JsonFault where the bytes are no JSON: then there is no event in them to speak of */
export function readStructuredEvent(bytes: Uint8Array): ReadEvent {
  return readEvent(bytes, scanJson(bytes, 1), '');
}

/** What is wrong with a batch as a whole. */
export type BatchFault = 'no_array' | 'too_many';

/**
 * The events of a batch, in its order; each mistake's pointer begins at the batch.
 * @throws JsonFault where the bytes are no JSON
 */
export function readEventBatch(bytes: Uint8Array): readonly ReadEvent[] | BatchFault {
  const root = scanJson(bytes, 2);
  if (root.kind !== 'array') return 'no_array';
  if (root.items.length > MAX_BATCH_EVENTS) return 'too_many';
  return root.items.map((item, index) => readEvent(bytes, item, `/${index}`));
}

function readEvent(bytes: Uint8Array, node: JsonNode, base: string): ReadEvent {
  const mistakes: EventMistake[] = [];
  const add = (pointer: string, because: string, offset?: number): undefined =>
    void mistakes.push({ place: { pointer: base + pointer, ...(offset === undefined ? {} : { offset }) }, because });

  if (node.kind !== 'object')
    return { ok: false, mistakes: [{ place: { pointer: base }, because: `expected an object with an event, got ${toldKind(node)}` }] };
  if (node.prototype !== undefined) {
    const { pointer, offset } = node.prototype;
    mistakes.push({ place: { pointer, offset }, because: "expected no name of an object's prototype" });
  }
  const attributes = readAttributes(bytes, node.members, add);
  const data = mistakes.length === 0 ? readData(bytes, node.members, attributes['datacontenttype'], add) : undefined;
  if (data === undefined) return { ok: false, mistakes };
  const { datacontenttype, ...others } = attributes;
  return {
    ok: true,
    event: { attributes: others as CloudEvent['attributes'], contentType: datacontenttype ?? 'application/json', data },
  };
}

type Add = (pointer: string, because: string, offset?: number) => undefined;

function readAttributes(bytes: Uint8Array, members: readonly JsonMember[], add: Add): Record<string, string> {
  // No prototype: an attribute may have any name of lower-case letters.
  const attributes = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  for (const { name, value } of members) {
    const pointer = `/${name.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (seen.has(name)) add(pointer, 'expected it once', value.start);
    seen.add(name);
    if (name === 'data' || name === 'data_base64') continue;
    if (!ATTRIBUTE_NAME.test(name)) {
      // What names the prototype was told already.
      if (name !== '__proto__') add(pointer, 'expected a name of 1 to 64 lower-case letters and digits');
      continue;
    }
    // Null is the same as not being there (2.2).
    if (value.kind === 'null') continue;
    const text = canonicalText(bytes, value, isTextAttribute(name));
    if (text === undefined) {
      add(
        pointer,
        `expected a text${isTextAttribute(name) ? '' : ', a boolean or an integer of 32 bits'}, got ${toldNumber(bytes, value) ?? toldKind(value)}`,
      );
      continue;
    }
    const because = checkAttribute(name, text);
    if (because === undefined) attributes[name] = text;
    else add(pointer, because);
  }
  for (const name of REQUIRED_ATTRIBUTES) if (!seen.has(name)) add(`/${name}`, 'expected it, got nothing');
  for (const { name, value } of members)
    if (value.kind === 'null' && (REQUIRED_ATTRIBUTES as readonly string[]).includes(name)) add(`/${name}`, 'expected it, got null');
  if (seen.size > MAX_ATTRIBUTES) add('', `expected at most ${MAX_ATTRIBUTES} members, got ${seen.size}`);
  return attributes;
}

function toldNumber(bytes: Uint8Array, { kind, start, end }: JsonNode): string | undefined {
  return kind === 'number' && end - start <= MAX_NUMBER ? Buffer.from(bytes.subarray(start, end)).toString('latin1') : undefined;
}

/** The type system's canonical text (spec, 3): of texts as they are, of integers of 32 bits, of booleans; undefined for all else. */
function canonicalText(bytes: Uint8Array, value: JsonNode, isText: boolean): string | undefined {
  if (value.kind === 'string') return textOf(bytes, value);
  if (isText) return undefined;
  if (value.kind === 'true' || value.kind === 'false') return value.kind;
  const number = value.kind === 'number' ? Buffer.from(bytes.subarray(value.start, value.end)).toString('latin1') : '';
  return /^-?\d{1,10}$/.test(number) && Number(number) === (Number(number) | 0) ? String(Number(number)) : undefined;
}

function readData(bytes: Uint8Array, members: readonly JsonMember[], contentType: string | undefined, add: Add): Uint8Array | undefined {
  const plain = members.find(({ name }) => name === 'data')?.value;
  const encoded = members.find(({ name }) => name === 'data_base64')?.value;
  const type = contentType === undefined ? undefined : parseContentType(contentType);
  if (encoded !== undefined && encoded.kind !== 'null') {
    if (plain !== undefined) return add('/data_base64', 'expected either data or data_base64, got both');
    return readEncodedData(bytes, encoded, type?.isJson ?? false, add);
  }
  if (plain === undefined) return new Uint8Array(0);
  // What is in a JSON document is UTF-8, whatever it says of itself.
  if (type !== undefined && !isUtf8Type(type))
    return add('/datacontenttype', `expected no charset but utf-8 beside data, got ${toldText(contentType ?? '')}`);
  if (type === undefined || type.isJson) return bytes.subarray(plain.start, plain.end);
  if (plain.kind !== 'string') return add('/data', `expected a text, because datacontenttype is not JSON; got ${toldKind(plain)}`);
  return Buffer.from(textOf(bytes, plain), 'utf8');
}

/** RFC 4648, 4: with its padding and nothing else. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function readEncodedData(bytes: Uint8Array, value: JsonNode, isJson: boolean, add: Add): Uint8Array | undefined {
  const text = value.kind === 'string' ? textOf(bytes, value) : '-';
  if (!BASE64.test(text)) return add('/data_base64', 'expected a text in base64 (RFC 4648, 4)');
  const data = Buffer.from(text, 'base64');
  try {
    if (isJson) scanJson(data);
    return data;
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    return add('/data_base64', `expected JSON, because datacontenttype is: ${error.message}`);
  }
}
