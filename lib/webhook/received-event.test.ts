import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { eventId } from '../core/identity.ts';
import { toReceivedEvent } from './received-event.ts';
import { parseSources } from './source-list.ts';
import type { Source } from './source.ts';
import { continueTrace } from './traceparent.ts';
import { headersFromRaw, headersFromRecord } from './webhook-headers.ts';

const WHSEC = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

function source(entry: object): Source {
  return [...parseSources([{ name: 'x', secrets: [{ value: WHSEC }], ...entry }]).values()][0]!;
}

function receive(from: Source, headers: Record<string, string>, value: unknown) {
  return toReceivedEvent({
    source: from,
    headers: headersFromRecord(headers),
    body: Buffer.from(JSON.stringify(value)),
    value,
    contentType: 'application/json',
    traceparent: continueTrace(undefined),
    nowMs: 1_700_000_000_123,
  });
}

const github = source({ preset: 'github' });
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

test('an id that is no plain id, or was sent twice, is refused', () => {
  for (const id of ['a.b', 'a b', '', 'ü', 'x'.repeat(129), 'a\tb'])
    assert.throws(
      () => receive(github, { 'x-github-delivery': id }, {}),
      (error) => error instanceof AppError && error.code === 'invalid_header',
      id,
    );
  const twice = headersFromRaw(['X-GitHub-Delivery', 'a', 'x-github-delivery', 'a']);
  assert.throws(
    () => toReceivedEvent({ source: github, headers: twice, body: Buffer.alloc(0), value: {}, contentType: '', traceparent: '', nowMs: 0 }),
    AppError,
  );
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
