import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { clientEventKey, eventId } from '../core/identity.ts';
import { Secret } from '../core/secret.ts';
import { receiveWebhook } from './received-event.ts';
import { compileSource, parseSourceDocument } from './source.ts';
import type { Source } from './source.ts';
import { continueTrace } from './traceparent.ts';
import { headersFromRaw, headersFromRecord } from './webhook-headers.ts';

const WHSEC = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

function source(document: object): Source {
  return compileSource(parseSourceDocument({ name: 'x', ...document }), [{ value: new Secret(WHSEC) }]);
}

function receiveAny(from: Source, headers: Record<string, string>, body: unknown) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return receiveWebhook({ source: from, headers: headersFromRecord({ ...JSON_TYPE, ...headers }), body: bytes, nowMs: 1_700_000_000_123 });
}

function receive(...parameters: Parameters<typeof receiveAny>) {
  const received = receiveAny(...parameters);
  return received.kind === 'event' ? received.event : assert.fail('a challenge');
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error.code;
  }
  return 'ok';
}

const github = source({ preset: 'github' });
const stripe = source({ preset: 'stripe' });
const slack = source({ preset: 'slack' });
const standard = source({
  preset: 'standard-webhooks',
  key: 'data.customer.0.id',
  priority: { path: 'urgency', values: { high: 'critical' }, otherwise: 'bulk' },
});

test("a GitHub event's type is event and action, its key the repository, its id the delivery", () => {
  const event = receive(
    github,
    { 'x-github-event': 'release', 'x-github-delivery': 'd-1' },
    { action: 'published', repository: { full_name: 'a/b' } },
  );
  assert.deepEqual(
    [event.type, event.key, event.id, event.providerId, event.priority],
    ['release.published', 'a/b', eventId('x', 'd-1'), 'd-1', 'default'],
  );
  assert.equal(event.receivedAt, '2023-11-14T22:13:20.123Z');
  assert.equal(event.time, undefined);
});

test('an event without an action, a repository or an id is accepted all the same', () => {
  const push = receive(github, { 'x-github-event': 'push' }, null);
  assert.equal(push.type, 'push');
  assert.equal(push.key, push.id);
  assert.match(push.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(receive(github, {}, { action: 'published' }).type, 'unknown');
});

test('the key and the priority are found by the paths of the source', () => {
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000' };
  const event = receive(standard, headers, { type: 'order.paid', urgency: 'high', data: { customer: [{ id: 42 }] } });
  assert.deepEqual([event.type, event.key, event.priority, event.time], ['order.paid', '42', 'critical', '2023-11-14T22:13:20.000Z']);
  const other = receive(standard, headers, { type: { toString: 1 }, urgency: '__proto__', data: 'text' });
  assert.deepEqual([other.type, other.key, other.priority], ['unknown', other.id, 'bulk']);
});

test("a Stripe event's id, type, object and time are in its body", () => {
  const body = { id: 'evt_1', type: 'invoice.paid', created: 1_700_000_000, data: { object: { id: 'in_1' } } };
  const event = receive(stripe, {}, body);
  assert.deepEqual(
    [event.id, event.providerId, event.type, event.key, event.time],
    [eventId('x', 'evt_1'), 'evt_1', 'invoice.paid', 'in_1', '2023-11-14T22:13:20.000Z'],
  );
  const thin = receive(stripe, {}, { id: 'evt_2', type: 'v1.meter', created: '2024-09-26T17:46:22.134Z', related_object: { id: 'mtr_1' } });
  assert.deepEqual([thin.key, thin.time], ['mtr_1', undefined]);
});

test("a Slack event's key is its channel, else its team; forms are read as far as they are forms", () => {
  const message = {
    type: 'event_callback',
    event_id: 'Ev1',
    event_time: 1_700_000_000,
    team_id: 'T1',
    event: { type: 'message', channel: 'C1' },
  };
  const event = receive(slack, {}, message);
  assert.deepEqual([event.providerId, event.type, event.key, event.time], ['Ev1', 'message', 'C1', '2023-11-14T22:13:20.000Z']);
  assert.equal(receive(slack, {}, { ...message, event: { type: 'team_join' } }).key, 'T1');

  const command = receive(slack, FORM_TYPE, 'token=x&team_id=T1&channel_id=G8&command=%2Fdeploy+now&text=&text=2');
  assert.deepEqual([command.type, command.key, command.providerId], ['/deploy now', 'G8', undefined]);
  const interaction = encodeURIComponent(JSON.stringify({ type: 'block_actions', channel: { id: 'C7' }, team: { id: 'T1' } }));
  const action = receive(slack, FORM_TYPE, `payload=${interaction}`);
  assert.deepEqual([action.type, action.key], ['block_actions', 'C7']);
  for (const odd of ['', '&&&', '=', 'payload=%7B', 'payload', 'command=%zz%ff', 'team_id'])
    assert.equal(receiveAny(slack, FORM_TYPE, odd).kind, 'event', odd);
});

test('a challenge is answered and is no event', () => {
  assert.deepEqual(receiveAny(slack, {}, { type: 'url_verification', challenge: '3eZbrw1a', token: 'x' }), {
    kind: 'challenge',
    answer: '3eZbrw1a',
  });
  assert.equal(receiveAny(stripe, {}, { type: 'url_verification', challenge: 'x' }).kind, 'event');
});

test('an id in a header that is no plain id, or was sent twice, is refused', () => {
  for (const id of ['a.b', 'a b', '', 'ü', 'x'.repeat(129), 'a\tb'])
    assert.equal(
      code(() => receive(github, { 'x-github-delivery': id }, {})),
      'invalid_header',
      id,
    );
  const twice = headersFromRaw(['Content-Type', 'application/json', 'X-GitHub-Delivery', 'a', 'x-github-delivery', 'a']);
  assert.equal(
    code(() => receiveWebhook({ source: github, headers: twice, body: Buffer.from('{}'), nowMs: 0 })),
    'invalid_header',
  );
});

test('an id in the body is never refused: whatever it is, all of it is the identity', () => {
  const idOf = (body: string) => receive(stripe, {}, body);
  for (const id of ['a.b', 'a b', 'ü', 'a\r\nb: c', '__proto__'])
    assert.deepEqual([idOf(JSON.stringify({ id })).providerId, idOf(JSON.stringify({ id })).id], [id, eventId('x', id)], id);
  const long = 'x'.repeat(300_000);
  const first = idOf(JSON.stringify({ id: `${long}1` }));
  assert.equal(first.providerId, first.id);
  for (const [one, other] of [
    [`"${long}1"`, `"${long}2"`],
    ['12345678901234567890', '12345678901234567891'],
    ['"\\ud800"', '"\\ud801"'],
    ['1', '1.0'],
  ])
    assert.notEqual(idOf(`{"id":${one}}`).id, idOf(`{"id":${other}}`).id, one?.slice(0, 30));
  for (const none of ['{}', '{"id":null}', '{"id":""}', '{"id":{}}', '[]'])
    assert.deepEqual([idOf(none).providerId, idOf(none).id === idOf(none).id], [undefined, false], none);
});

test("no id in a body makes the identity of a client's event, also where a source and a key have one name", () => {
  const id = clientEventKey('/shop', '17');
  const event = receive(stripe, {}, { id });
  assert.notEqual(event.id, eventId('x', id));
  assert.deepEqual([receive(stripe, {}, { id }).id, event.providerId], [event.id, id]);
});

test('the content type has to be one of those declared, exactly', () => {
  const at = (from: Source, contentType: string) => code(() => receive(from, { 'content-type': contentType }, {}));
  for (const good of [
    'application/json',
    'Application/JSON',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; profile=x',
  ])
    assert.equal(at(github, good), 'ok', good);
  for (const bad of [
    '',
    'application/json ',
    ' application/json',
    'application/json\ta',
    'application/json;',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json, text/plain',
    'application/jsonx',
    'application/problem+json',
    'text/plain',
    'json',
    '*/*',
  ])
    assert.equal(at(github, bad), 'unsupported_media_type', bad);
  const twice = headersFromRaw(['content-type', 'application/json', 'Content-Type', 'application/json']);
  assert.equal(
    code(() => receiveWebhook({ source: github, headers: twice, body: Buffer.from('{}'), nowMs: 0 })),
    'unsupported_media_type',
  );
});

test('other declared types are kept as bytes, and are found by headers alone', () => {
  const raw = source({
    preset: 'bearer',
    contentTypes: ['text/plain', 'application/xml', 'application/json', 'application/x+json'],
    id: { header: 'x-id' },
    type: { header: 'x-type' },
    key: { header: 'x-key' },
  });
  const headers = { 'x-id': 'i1', 'x-type': 'note', 'x-key': 'k' };
  const bytes = Buffer.from([0xff, 0x00, 0x7b]);
  for (const type of ['text/plain', 'text/plain; charset=iso-8859-1; x="a b"', 'application/xml']) {
    const all = headersFromRecord({ ...headers, 'content-type': type });
    const received = receiveWebhook({ source: raw, headers: all, body: bytes, nowMs: 0 });
    assert.ok(received.kind === 'event');
    const { event } = received;
    assert.deepEqual([event.providerId, event.type, event.key, event.contentType, event.body], ['i1', 'note', 'k', type, bytes]);
  }
  assert.equal(
    code(() => receive(raw, { 'content-type': 'application/x+json' }, '{')),
    'invalid_json',
  );
  assert.equal(
    code(() => receive(raw, { 'content-type': 'text/html' }, '')),
    'unsupported_media_type',
  );
  const any = source({ preset: 'bearer', contentTypes: ['*/*'] });
  const none = receiveWebhook({ source: any, headers: headersFromRecord({}), body: bytes, nowMs: 0 });
  assert.ok(none.kind === 'event' && none.event.contentType === 'application/octet-stream');
  assert.equal(receive(any, { 'content-type': 'multipart/form-data; boundary=----x' }, '').type, 'unknown');
  assert.equal(
    code(() => receive(any, {}, '{')),
    'invalid_json',
  );
});

test('what is no JSON is refused with the byte where it stops to be', () => {
  try {
    receive(github, {}, '{"a":tru}');
    assert.fail('it was taken');
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.message, 'expected JSON: it is not JSON, at byte 8');
    assert.deepEqual(error.mistakes, [{ detail: 'it is not JSON', offset: 8 }]);
  }
});

test('a valid trace goes on as a new span, any other begins one', () => {
  const incoming = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
  assert.match(continueTrace(incoming), /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$/);
  for (const wrong of [undefined, '', 'x', incoming.toUpperCase(), `${incoming}-x`, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`]) {
    const made = continueTrace(wrong);
    assert.match(made, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.notEqual(made, continueTrace(wrong));
  }
});
