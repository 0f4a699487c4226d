import { fc } from '../../lib/dev/fast-check.ts';
import { anyText } from '../../lib/dev/any-text.ts';
import { valueOf, type Schema } from './schema-arbitrary.ts';

/** What the fuzzer reads of an OpenAPI document. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: Schema;
}

/** A request as it goes over the wire, and which operation it was made for. */
export interface FuzzRequest {
  readonly path: string;
  readonly method: string;
  readonly address: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** How the bytes are spoilt after they were put together. */
  readonly spoilt: Spoilt | undefined;
}

/** One change of the finished bytes, at a place between 0 and 1 of them. */
export type Spoilt = { readonly kind: 'cut' | 'flip' | 'insert' | 'repeat'; readonly at: number; readonly byte: number };

/** What the fuzzer has to know beside the document. */
export interface Surface {
  /** Values of a path's parameter that exist. */
  readonly known: Readonly<Record<string, readonly string[]>>;
  /** `Authorization` headers: what is good comes first. */
  readonly credentials: readonly string[];
  /** Headers that only a sender knows how to make, from the body. */
  readonly sign: (address: string, body: Buffer) => readonly (readonly [string, string])[];
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
const CONTENT_TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json\ta',
  'application/cloudevents+json; charset=UTF-8',
  'application/cloudevents+json; charset=latin1',
  'application/cloudevents+json;;',
  'application/cloudevents-batch+json; charset="utf-8"',
  'application/cloudevents+avro',
  'text/plain',
  'image/png',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/vnd.x+json',
  '/',
  'x',
  '',
];
/** Headers that mean something to a server, a proxy or a parser. */
const OTHER_HEADERS: readonly (readonly [string, string])[] = [
  ['Expect', '100-continue'],
  ['Expect', 'tea'],
  ['Connection', 'close'],
  ['Connection', 'upgrade'],
  ['Upgrade', 'websocket'],
  ['Upgrade', 'h2c'],
  ['Transfer-Encoding', 'chunked'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Content-Length', '5'],
  ['Content-Length', '-1'],
  ['Content-Encoding', 'gzip'],
  ['Content-Encoding', 'identity'],
  ['X-Forwarded-For', '203.0.113.7, nonsense'],
  ['X-Http-Method-Override', 'DELETE'],
  ['Host', 'elsewhere'],
  ['Cookie', 'a=b'],
  ['Range', 'bytes=0-1'],
  ['If-None-Match', '*'],
  ['Accept', 'text/xml'],
  ['Accept-Encoding', 'br'],
  ['Keep-Alive', 'timeout=1'],
  ['Trailer', 'ce-id'],
  ['ce-specversion', '0.3'],
  ['ce-data', 'x'],
  ['CE-ID', '%ff'],
  ['ce-', 'x'],
  ['traceparent', '00-0-0-0'],
  ['Idempotency-Key', ''],
  ['X-Long', 'x'.repeat(17_000)],
];

const shortText = anyText({ maxLength: 12 });
const anyAscii = fc.string({ unit: 'binary-ascii', maxLength: 20 });

/** Once in `oneIn` cases. */
const rarely = <T>(value: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

export function requestOf(document: Document, surface: Surface): fc.Arbitrary<FuzzRequest> {
  const resolve = (ref: string): Schema => document.components.schemas[ref.split('/').at(-1) ?? ''] ?? {};
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  return fc.oneof(
    ...operations.map(({ path, method, operation }) => ({
      // What takes a body can go wrong in more ways.
      weight: operation.requestBody === undefined ? 1 : 6,
      arbitrary: operationRequest(path, method, operation, surface, resolve),
    })),
  );
}

function operationRequest(
  path: string,
  method: string,
  operation: Operation,
  surface: Surface,
  resolve: (ref: string) => Schema,
): fc.Arbitrary<FuzzRequest> {
  const parameters = operation.parameters ?? [];
  const headerValues = parameters.filter((one) => one.in === 'header').map((one) => headerOf(one, resolve));
  const content = Object.entries(operation.requestBody?.content ?? {});
  const typedBody =
    content.length === 0
      ? fc.record({ type: fc.constant(undefined), body: fc.constant(Buffer.alloc(0)) })
      : fc.oneof(...content.map(([type, { schema }]) => bodyOf(type, schema, resolve)));
  return fc
    .record({
      method: fc.oneof({ weight: 12, arbitrary: fc.constant(method) }, { weight: 1, arbitrary: fc.constantFrom(...METHODS) }),
      address: addressOf(path, parameters, surface),
      isBinary: fc.boolean(),
      headers: fc.tuple(...headerValues),
      typed: typedBody,
      type: rarely(fc.constantFrom(...CONTENT_TYPES), 10),
      credential: fc.oneof(
        { weight: 6, arbitrary: fc.constant(surface.credentials[0]) },
        { weight: 1, arbitrary: fc.constantFrom(...surface.credentials, undefined) },
      ),
      isSigned: fc.boolean(),
      others: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.subarray([...OTHER_HEADERS], { maxLength: 2 }) },
      ),
      spoilt: rarely(
        fc.record({
          kind: fc.constantFrom('cut', 'flip', 'insert', 'repeat'),
          at: fc.double({ min: 0, max: 0.999, noNaN: true }),
          byte: fc.integer({ min: 0, max: 255 }),
        }),
        12,
      ),
    })
    .map(({ isBinary, typed, type, credential, isSigned, others, headers, ...rest }) => {
      const contentType = type ?? typed.type;
      const isStructured = contentType !== undefined && contentType.startsWith('application/cloudevents');
      const sent: (readonly [string, string])[] = [
        ...(contentType === undefined ? [] : [['Content-Type', contentType] as const]),
        ...(operation.security?.length === 0 || credential === undefined ? [] : [['Authorization', credential] as const]),
        ...headers.filter((one) => one !== undefined).filter(([name]) => !name.startsWith('ce-') || (isBinary && !isStructured)),
        ...(isSigned ? surface.sign(rest.address, typed.body) : []),
        ...others,
      ];
      return { path, body: typed.body, headers: sent, ...rest };
    });
}

function addressOf(path: string, parameters: readonly Parameter[], surface: Surface): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const values = names.map((name) => {
    const schema = parameters.find((one) => one.in === 'path' && one.name === name)?.schema ?? {};
    return fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...(surface.known[name] ?? ['x'])) },
      { weight: 1, arbitrary: valueOf(schema, () => ({})).map(String) },
      { weight: 1, arbitrary: shortText.map((text) => encodeURIComponent(text.toWellFormed())) },
      { weight: 1, arbitrary: fc.constantFrom('..', '%', '%zz', '%00', 'a%2fb', 'x'.repeat(300), 'constructor', '__proto__') },
    );
  });
  const query = fc.oneof(
    { weight: 8, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.webQueryParameters().map((text) => `?${text}`) },
    { weight: 1, arbitrary: fc.constantFrom('/', '//', '?', '?__proto__[a]=b', '#x', ';x') },
  );
  return fc.tuple(fc.tuple(...values), query).map(([found, end]) => {
    let index = 0;
    return path.replaceAll(/\{\w+\}/g, () => String(found[index++])) + end;
  });
}

function headerOf({ name, schema }: Parameter, resolve: (ref: string) => Schema): fc.Arbitrary<readonly [string, string] | undefined> {
  const isAttribute = name.startsWith('ce-');
  const good = valueOf(schema, resolve)
    .map(String)
    .map((text) => (isAttribute ? encodeURIComponent(text.toWellFormed()) : text));
  const bad = fc.oneof(anyAscii, fc.constantFrom('', '%', '%C0%A0', 'é', '"', 'a'.repeat(1_100)));
  // What four of them have to be there is met now and then by itself.
  const isNeeded = /^ce-(specversion|id|source|type)$/.test(name);
  const value = fc.oneof(
    { weight: isNeeded ? 60 : 12, arbitrary: good },
    { weight: 1, arbitrary: bad.map((text) => text.replaceAll(/[\r\n\0]/g, '')) },
  );
  const header = value.map((text) => [name, text] as const);
  return isNeeded ? fc.oneof({ weight: 40, arbitrary: header }, { weight: 1, arbitrary: fc.constant(undefined) }) : rarely(header, 5);
}

function bodyOf(type: string, schema: Schema, resolve: (ref: string) => Schema): fc.Arbitrary<{ type: string; body: Buffer }> {
  const contentType = type.includes('*')
    ? fc.constantFrom('application/json', 'text/plain', 'image/png', 'application/vnd.x+json')
    : fc.constant(type);
  const good = valueOf(schema, resolve);
  const body = fc.oneof(
    { weight: 6, arbitrary: good.map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 3, arbitrary: fc.tuple(good, mutation()).map(([value, mutate]) => Buffer.from(mutate(value))) },
    { weight: 1, arbitrary: fc.json().map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('', '[', '['.repeat(5_000), '"\\ud800"', '{"id":1e400}', `"${'x'.repeat(40_000)}"`, '\uFEFF{}')
        .map((text) => Buffer.from(text)),
    },
  );
  return fc.record({ type: contentType, body });
}

/** Changes one thing of a value that fits, so that the most of it goes on fitting. */
function mutation(): fc.Arbitrary<(value: unknown) => string> {
  const names = [
    'id',
    'source',
    'type',
    'specversion',
    'time',
    'data',
    'data_base64',
    'datacontenttype',
    'priority',
    'subject',
    'Upper',
    'a/b',
    '__proto__',
    'x1',
  ];
  return fc
    .record({
      name: fc.constantFrom(...names),
      value: fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('', 'x'.repeat(2_000), '\u0000', '\ud800', 'a b', 'text/plain', '2026-02-30T00:00:00Z', '*'),
      ),
      kind: fc.constantFrom('set', 'drop', 'twice', 'wrap'),
    })
    .map(({ name, value, kind }) => (event: unknown) => {
      const target = Array.isArray(event) ? event[0] : event;
      const text = JSON.stringify(event);
      if (target === null || typeof target !== 'object') return kind === 'wrap' ? `[${text}]` : text;
      if (kind === 'wrap') return JSON.stringify({ data: event });
      const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      if (kind === 'twice') return text.replace('{', `{${member},`);
      const copy = { ...(target as Record<string, unknown>) };
      if (kind === 'drop') delete copy[name];
      else Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
      return JSON.stringify(Array.isArray(event) ? [copy, ...event.slice(1)] : copy);
    });
}
