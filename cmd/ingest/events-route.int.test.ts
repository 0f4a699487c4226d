import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudEvent, HTTP } from 'cloudevents';
import { createKeyRing } from '../../lib/access/key-ring.ts';
import { AppError } from '../../lib/core/app-error.ts';
import { eventId } from '../../lib/core/identity.ts';
import { Secret } from '../../lib/core/secret.ts';
import { bearer, TEST_KEYS } from './events/test-keys.ts';
import { openIngestBed, post } from './ingest-bed.ts';

const EVENT = { specversion: '1.0', id: 'e-1', source: '/shop', type: 'order.paid' };
const STRUCTURED = { 'content-type': 'application/cloudevents+json' };
const BATCH = { 'content-type': 'application/cloudevents-batch+json' };

const send = (url: string, event: unknown, headers: Record<string, string> = {}) =>
  post(url, typeof event === 'string' ? event : JSON.stringify(event), { ...bearer(), ...STRUCTURED, ...headers }, '/v1/events');
const sendBatch = (url: string, events: unknown, headers: Record<string, string> = {}) =>
  post(url, typeof events === 'string' ? events : JSON.stringify(events), { ...bearer(), ...BATCH, ...headers }, '/v1/events/batch');

test('an event of the official SDK is taken in both modes, and is one event', async (t) => {
  const bed = await openIngestBed(t, { now: () => 1_700_000_000_000 });
  const event = new CloudEvent({
    ...EVENT,
    subject: 'customer-7',
    time: '2026-01-31T12:00:00+01:00',
    priority: 'critical',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tenant: 'a b',
    data: { amount: 7 },
  });
  const structured = HTTP.structured(event);
  const first = await post(
    bed.url,
    structured.body as string,
    { ...bearer(), ...(structured.headers as Record<string, string>) },
    '/v1/events',
  );
  assert.deepEqual([first.status, first.json], [202, { id: eventId('shop', '/shop\0e-1'), duplicate: false }], first.text);
  const binary = HTTP.binary(event);
  const second = await post(bed.url, binary.body as string, { ...bearer(), ...(binary.headers as Record<string, string>) }, '/v1/events');
  assert.deepEqual([second.status, second.json], [202, { ...first.json, duplicate: true }], second.text);

  const [message] = bed.published;
  assert.match(message?.subject ?? '', /^events\.critical\.\d+\.shop\.order\.paid$/);
  assert.equal(message?.key, 'customer-7');
  assert.match(message?.headers['traceparent'] ?? '', /^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  assert.deepEqual(
    { ...message?.headers, traceparent: '' },
    {
      'Vis-Received': '2023-11-14T22:13:20.000Z',
      'Vis-Schema': '1',
      traceparent: '',
      datacontenttype: 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'e-1',
      'ce-source': '/shop',
      'ce-type': 'order.paid',
      'ce-subject': 'customer-7',
      // As the SDK writes it.
      'ce-time': '2026-01-31T11:00:00.000Z',
      'ce-priority': 'critical',
      'ce-traceparent': '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'ce-tenant': 'a b',
    },
  );
  assert.equal(Buffer.from(message?.body ?? []).toString(), '{"amount":7}');
  const line = bed.requests()[0];
  assert.deepEqual(
    [line?.['source'], line?.['type'], line?.['status'], line?.['reason'], line?.['route'], line?.['eventId']],
    ['shop', 'order.paid', 202, 'accepted', '/v1/events', first.json['id']],
  );
  assert.match(await bed.registry.metrics(), /visapi_ingest_accepted_total\{source="shop",duplicate="true"\} 1/);
});

test('no key, a wrong one and one that is over get the same 401; a key without the scope gets 403', async (t) => {
  const bed = await openIngestBed(t);
  const good = TEST_KEYS.good;
  const cases: readonly [string, string | undefined][] = [
    ['no_key', undefined],
    ['no_key', `Basic ${good}`],
    ['no_key', `Bearer  ${good}`],
    ['malformed', 'Bearer x'],
    ['wrong_checksum', `Bearer ${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`],
    ['unknown', `Bearer ${TEST_KEYS.unknown}`],
    ['expired', `Bearer ${TEST_KEYS.expired}`],
    ['revoked', `Bearer ${TEST_KEYS.revoked}`],
  ];
  const bodies = new Set<string>();
  for (const [reason, authorization] of cases) {
    const { status, text, headers } = await post(
      bed.url,
      JSON.stringify(EVENT),
      { ...STRUCTURED, ...(authorization === undefined ? {} : { authorization }) },
      '/v1/events',
    );
    assert.equal(status, 401, reason);
    assert.match(headers.get('www-authenticate') ?? '', reason === 'no_key' ? /^Bearer realm="visapi"$/ : /error="invalid_token"/);
    assert.equal(bed.requests().at(-1)?.['reason'], reason);
    if (authorization !== undefined) bodies.add(text);
    else
      assert.match(text, /"errors":\[\{"header":"authorization","detail":"expected Bearer and an API key \(vis_\.\.\.\), got nothing"\}\]/);
  }
  assert.equal(bodies.size, 1);
  const { status, json, headers } = await send(bed.url, EVENT, bearer(TEST_KEYS.scopeless));
  assert.deepEqual([status, json['code'], json['detail']], [403, 'forbidden', 'expected a key with the scope events:write']);
  assert.match(headers.get('www-authenticate') ?? '', /error="insufficient_scope", scope="events:write"/);
  assert.equal(bed.published.length, 0);
});

test('an identity belongs to the source of its key: another key may use the same ids', async (t) => {
  const bed = await openIngestBed(t);
  const mine = await send(bed.url, EVENT);
  const theirs = await send(bed.url, EVENT, bearer(TEST_KEYS.other));
  assert.deepEqual([mine.json['duplicate'], theirs.json['duplicate']], [false, false]);
  assert.notEqual(mine.json['id'], theirs.json['id']);
});

test('with an Idempotency-Key the request is what is accepted once, whatever ids its events have', async (t) => {
  const bed = await openIngestBed(t);
  const key = { 'idempotency-key': 'order-7:paid' };
  const first = await send(bed.url, EVENT, key);
  const second = await send(bed.url, { ...EVENT, id: 'another' }, { 'idempotency-key': '"order-7:paid"' });
  assert.deepEqual(second.json, { id: first.json['id'], duplicate: true });
  const without = await send(bed.url, EVENT);
  assert.equal(without.json['duplicate'], false);
  const batch = await sendBatch(bed.url, [EVENT, EVENT], key);
  const again = await sendBatch(bed.url, [EVENT, EVENT], key);
  assert.deepEqual(duplicates(batch.json), [false, false]);
  assert.deepEqual(duplicates(again.json), [true, true]);
  for (const value of ['', 'a b', 'x'.repeat(129), 'a/b', '"a']) {
    const { status, json } = await send(bed.url, EVENT, { 'idempotency-key': value });
    assert.deepEqual([status, json['code']], [400, 'invalid_header'], value);
  }
});

function duplicates(json: Record<string, unknown>): unknown[] {
  return (json['results'] as { duplicate: boolean }[]).map(({ duplicate }) => duplicate);
}

test("a batch's good events are taken together and in order, and each bad one gets its own problem", async (t) => {
  const bed = await openIngestBed(t);
  const event = (id: string, more: object = {}) => ({ ...EVENT, id, subject: 'customer-7', ...more });
  const all = await sendBatch(bed.url, [event('1'), event('2'), event('1')]);
  assert.deepEqual([all.status, all.json['accepted'], all.json['refused'], duplicates(all.json)], [202, 3, 0, [false, false, true]]);
  assert.deepEqual(
    bed.published.map(({ headers }) => headers['ce-id']),
    ['1', '2', '1'],
  );
  const some = await sendBatch(bed.url, [event('3'), event('4', { type: '' }), 7, event('5')]);
  assert.equal(some.status, 207);
  assert.deepEqual([some.json['accepted'], some.json['refused']], [2, 2]);
  const results = some.json['results'] as { id?: string; problem?: { status: number; code: string; errors: unknown } }[];
  assert.deepEqual(
    results.map(({ id, problem }) => problem?.errors ?? typeof id),
    [
      'string',
      [{ pointer: '/1/type', detail: 'expected 1 to 256 characters, got none' }],
      [{ pointer: '/2', detail: 'expected an object with an event, got a number' }],
      'string',
    ],
  );
  assert.deepEqual([results[1]?.problem?.status, results[1]?.problem?.code], [400, 'invalid_event']);
  assert.deepEqual([bed.requests().at(-1)?.['reason'], bed.requests().at(-1)?.['count']], ['partly_accepted', 4]);
  assert.match(await bed.registry.metrics(), /visapi_ingest_rejected_total\{source="shop",reason="invalid_event"\} 2/);
  const none = await sendBatch(bed.url, [7, event('6', { id: '' })]);
  assert.deepEqual([none.status, none.json['code']], [400, 'invalid_event']);
  assert.deepEqual(none.json['errors'], [
    { pointer: '/0', detail: 'expected an object with an event, got a number' },
    { pointer: '/1/id', detail: 'expected 1 to 256 characters, got none' },
  ]);
  assert.deepEqual((await sendBatch(bed.url, [])).json, { accepted: 0, refused: 0, results: [] });
  assert.equal(bed.published.length, 5);
});

test('of a batch that the log stores in part, each event is told its own fate, and one that is not stored may come again', async (t) => {
  const stored: string[] = [];
  const event = (id: string, more = {}) => ({ ...EVENT, id, ...more });
  const bed = await openIngestBed(t, {
    broker: {
      publish(emit) {
        const text = emit.headers['ce-id'] ?? '';
        if (text.includes('large')) return Promise.reject(new AppError('too_large', 'expected less'));
        if (text.includes('away')) return Promise.reject(new AppError('broker_unavailable', 'no answer'));
        stored.push(emit.id);
        return Promise.resolve({ seq: stored.length, duplicate: false });
      },
    },
  });
  const { status, json, headers } = await sendBatch(bed.url, [
    event('1'),
    event('large'),
    event('away'),
    event('4', { type: '' }),
    event('5'),
  ]);
  const results = json['results'] as { id?: string; problem?: { code: string; status: number } }[];
  assert.deepEqual([status, json['accepted'], json['refused'], headers.get('retry-after')], [207, 2, 3, '5']);
  assert.deepEqual(
    results.map(({ id, problem }) => problem?.code ?? id),
    [stored[0], 'too_large', 'not_accepting', 'invalid_event', stored[1]],
  );
  assert.equal(stored.length, 2);
  const none = await sendBatch(bed.url, [event('away'), event('away too')]);
  assert.deepEqual([none.status, none.json['code'], none.headers.get('retry-after')], [503, 'not_accepting', '5']);
});

test('what is wrong with a request is a problem with a stable code and the place', async (t) => {
  const bed = await openIngestBed(t, { limits: { bodyBytes: 20_000 } });
  const cases: readonly [number, string, unknown, () => ReturnType<typeof post>][] = [
    [400, 'invalid_json', { pointer: '', offset: 0 }, () => send(bed.url, '')],
    [400, 'invalid_json', { pointer: '/data/0', offset: 10 }, () => send(bed.url, '{"data":[x]}'.replace('[', '[ '))],
    [400, 'invalid_json', { pointer: '/1', offset: 5 }, () => sendBatch(bed.url, '[{}, }')],
    [400, 'too_deep', { offset: 73 }, () => send(bed.url, `{"data":  ${'['.repeat(100)}`)],
    [400, 'invalid_event', { pointer: '/type' }, () => send(bed.url, { ...EVENT, type: 1 })],
    [
      400,
      'invalid_event',
      { pointer: '/data/__proto__' },
      () => send(bed.url, '{"specversion":"1.0","id":"1","source":"a","type":"t","data":{"__proto__":1}}'),
    ],
    [400, 'invalid_event', { pointer: '' }, () => sendBatch(bed.url, {})],
    [413, 'too_large', undefined, () => send(bed.url, { ...EVENT, data: 'x'.repeat(20_000) })],
    [
      413,
      'too_large',
      undefined,
      () =>
        sendBatch(
          bed.url,
          Array.from({ length: 1_001 }, () => 1),
        ),
    ],
    [415, 'unsupported_media_type', undefined, () => send(bed.url, EVENT, { 'content-type': 'application/json' })],
    [
      415,
      'unsupported_media_type',
      undefined,
      () => send(bed.url, EVENT, { 'content-type': 'application/cloudevents+json; charset=latin1' }),
    ],
    [415, 'unsupported_media_type', undefined, () => send(bed.url, EVENT, { 'content-type': 'application/cloudevents-batch+json' })],
    [415, 'unsupported_media_type', undefined, () => send(bed.url, EVENT, { 'content-type': 'application/cloudevents+avro' })],
    [415, 'unsupported_media_type', undefined, () => send(bed.url, EVENT, { 'content-encoding': 'gzip' })],
    [415, 'unsupported_media_type', undefined, () => sendBatch(bed.url, [EVENT], { 'content-type': 'application/cloudevents+json' })],
  ];
  for (const [status, code, place, request] of cases) {
    const { json, ...answer } = await request();
    assert.deepEqual([answer.status, json['code']], [status, code], answer.text);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const [first] = (json['errors'] ?? []) as Record<string, unknown>[];
    if (place !== undefined) assert.partialDeepStrictEqual(first, place, answer.text);
  }
  const [one, many] = [
    await send(bed.url, [EVENT], { 'content-type': 'application/cloudevents-batch+json' }),
    await sendBatch(bed.url, EVENT, { 'content-type': 'application/cloudevents+json' }),
  ];
  assert.match(String(one.json['detail']), /got "application\/cloudevents-batch\+json"; a batch goes to \/v1\/events\/batch$/);
  assert.match(String(many.json['detail']), /got "application\/cloudevents\+json"; one event goes to \/v1\/events$/);
  assert.equal(bed.published.length, 0);
});

test('while nothing is known of any key, nobody is refused for good', async (t) => {
  const bed = await openIngestBed(t, {
    keys: { keys: createKeyRing([], new Secret('a pepper'), 'dev'), state: { kind: 'unknown', because: 'no broker yet' } },
  });
  const { status, json, headers } = await send(bed.url, EVENT);
  assert.deepEqual([status, json['code'], headers.get('retry-after')], [503, 'not_accepting', '5']);
});
