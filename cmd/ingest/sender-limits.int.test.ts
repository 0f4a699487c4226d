import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer, TEST_KEYS } from './events/test-keys.ts';
import { githubHeaders, openIngestBed, post } from './ingest-bed.ts';

const BODY = '{"action":"published"}';
const EVENT = JSON.stringify({ specversion: '1.0', id: 'e-1', source: '/shop', type: 'order.paid' });
/** Ten a window, which is 10 s. */
const PER_SECOND = 1;
const PER_WINDOW = 10;

const hook = (url: string, forwardedFor?: string) =>
  post(url, BODY, { ...githubHeaders(BODY, 'd-1'), ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }) });
const event = (url: string, key: string) =>
  post(url, EVENT, { ...bearer(key), 'content-type': 'application/cloudevents+json' }, '/v1/events');

async function times<Value>(count: number, act: (index: number) => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for (let index = 0; index < count; index += 1) values.push(await act(index));
  return values;
}

const statuses = (answers: readonly { readonly status: number }[]) => [...new Set(answers.map(({ status }) => status))];

function senders(trustProxy: readonly string[], exempt: readonly string[] = []) {
  return { trustProxy, address: { requestsPerSecond: PER_SECOND, exempt }, keyRequestsPerSecond: 0 };
}

test('an address gets its share and then 429 with Retry-After, as a problem', async (t) => {
  const bed = await openIngestBed(t, { senders: senders([]) });
  assert.deepEqual(statuses(await times(PER_WINDOW, () => hook(bed.url))), [202]);
  const { status, headers, json } = await hook(bed.url);
  assert.deepEqual([status, json['code'], json['status']], [429, 'too_many_requests', 429]);
  assert.match(headers.get('retry-after') ?? '', /^([1-9]|10)$/);
  assert.equal(headers.get('content-type'), 'application/problem+json');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(bed.requests().at(-1)?.['reason'], 'too_many_requests');
  // Whatever the address, and before it is known to exist.
  assert.equal((await post(bed.url, '', {}, '/nowhere')).status, 429);
});

test('X-Forwarded-For of a peer that is not trusted changes nothing', async (t) => {
  const bed = await openIngestBed(t, { senders: senders(['10.0.0.0/8']) });
  const answers = await times(PER_WINDOW + 1, (index) => hook(bed.url, `203.0.113.${index}`));
  assert.deepEqual(statuses(answers), [202, 429]);
  assert.equal(answers.at(-1)?.status, 429);
});

test('behind a trusted proxy each sender has a share of its own, and what a sender writes before it changes nothing', async (t) => {
  const bed = await openIngestBed(t, { senders: senders(['127.0.0.0/8']) });
  assert.deepEqual(statuses(await times(PER_WINDOW * 2, (index) => hook(bed.url, `203.0.113.${index}`))), [202]);
  const spoofed = await times(PER_WINDOW + 1, (index) => hook(bed.url, `198.51.100.${index}, 192.0.2.7`));
  assert.deepEqual(statuses(spoofed), [202, 429]);
});

test('an IPv6 sender is its /64', async (t) => {
  const bed = await openIngestBed(t, { senders: senders(['127.0.0.0/8']) });
  const answers = await times(PER_WINDOW + 1, (index) => hook(bed.url, `2001:db8:0:7::${index + 1}`));
  assert.equal(answers.at(-1)?.status, 429);
  assert.equal((await hook(bed.url, '2001:db8:0:8::1')).status, 202);
});

test('networks that are exempt are not counted', async (t) => {
  const bed = await openIngestBed(t, { senders: senders([], ['127.0.0.0/8']) });
  assert.deepEqual(statuses(await times(PER_WINDOW + 5, () => hook(bed.url))), [202]);
});

test('a key has a share of its own, wherever it is used, and only a key that is good is counted', async (t) => {
  const bed = await openIngestBed(t, {
    senders: { trustProxy: [], address: { requestsPerSecond: 0, exempt: [] }, keyRequestsPerSecond: PER_SECOND },
  });
  assert.deepEqual(statuses(await times(PER_WINDOW + 5, () => event(bed.url, TEST_KEYS.unknown))), [401]);
  assert.deepEqual(statuses(await times(PER_WINDOW, () => event(bed.url, TEST_KEYS.good))), [202]);
  const { status, json } = await event(bed.url, TEST_KEYS.good);
  assert.deepEqual([status, json['code']], [429, 'too_many_requests']);
  assert.match(await bed.registry.metrics(), /visapi_ingest_rejected_total\{source="shop",reason="too_many_requests"\} 1/);
  assert.equal((await event(bed.url, TEST_KEYS.other)).status, 202);
  assert.equal((await hook(bed.url)).status, 202);
});
