import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { Secret } from '../../lib/core/secret.ts';
import { PRESETS } from '../../lib/webhook/presets.ts';
import { signRequest } from '../../lib/webhook/verifier.ts';
import { openIngestBed, post } from './ingest-bed.ts';

const AT = 1_700_000_000;
const SOURCES = [
  { name: 'shop', preset: 'stripe', secrets: [{ value: 'whsec_shop' }] },
  { name: 'team', preset: 'slack', secrets: [{ value: 'signing' }] },
  {
    name: 'plain',
    preset: 'bearer',
    contentTypes: ['text/plain', 'application/xml'],
    id: { header: 'x-id' },
    key: { header: 'x-key' },
    maxBodyBytes: 100,
    secrets: [{ value: 'token' }],
  },
];

function signed(preset: 'stripe' | 'slack', secret: string, body: string): Record<string, string> {
  return signRequest(PRESETS[preset].scheme, new Secret(secret), { headers: {}, body: Buffer.from(body), nowMs: AT * 1000 });
}

const open = (t: Parameters<typeof openIngestBed>[0]) => openIngestBed(t, { now: () => AT * 1000, sources: SOURCES });

test('Stripe is answered 200 with the receipt, and knows a duplicate by the id in its body', async (t) => {
  const bed = await open(t);
  const body = JSON.stringify({ id: 'evt_1', type: 'invoice.paid', created: AT - 5, data: { object: { id: 'in_1' } } });
  const send = () =>
    post(bed.url, body, { ...signed('stripe', 'whsec_shop', body), 'content-type': 'application/json; charset=utf-8' }, '/hooks/shop');
  const first = await send();
  assert.deepEqual([first.status, first.json], [200, { id: bed.published[0]?.id, duplicate: false }]);
  const [message] = bed.published;
  assert.equal(message?.key, 'in_1');
  assert.deepEqual([message?.headers['ce-id'], message?.headers['ce-time']], ['evt_1', '2023-11-14T22:13:15.000Z']);
  assert.deepEqual([(await send()).json['duplicate'], bed.published[1]?.id], [true, message?.id]);
});

test("Slack's challenge is answered after it is verified, with the challenge as the body, and nothing is stored", async (t) => {
  const bed = await open(t);
  const body = '{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
  const send = (headers: Record<string, string>) =>
    fetch(`${bed.url}/hooks/team`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const answer = await send(signed('slack', 'signing', body));
  assert.deepEqual(
    [answer.status, answer.headers.get('content-type'), await answer.text()],
    [200, 'text/plain; charset=utf-8', '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P'],
  );
  assert.equal(bed.requests().at(-1)?.['reason'], 'challenge');
  const forged = await send(signed('slack', 'another', body));
  assert.equal(forged.status, 401);
  assert.doesNotMatch(await forged.text(), /3eZbrw1/);
  assert.equal(bed.published.length, 0);
});

test('Slack is answered 200 with nothing, events and forms alike', async (t) => {
  const bed = await open(t);
  const bodies = [
    ['application/json', '{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"C1"}}'],
    ['application/x-www-form-urlencoded', 'team_id=T1&channel_id=C2&command=%2Fdeploy&text=now'],
  ] as const;
  for (const [type, body] of bodies) {
    const answer = await post(bed.url, body, { ...signed('slack', 'signing', body), 'content-type': type }, '/hooks/team');
    assert.deepEqual([answer.status, answer.text], [200, '']);
  }
  assert.deepEqual(
    bed.published.map(({ key, subject }) => [key, subject.split('.').slice(3).join('.')]),
    [
      ['C1', 'team.message'],
      ['C2', 'team._deploy'],
    ],
  );
});

test('a source that declares other types gets them as bytes, up to its own limit', async (t) => {
  const bed = await open(t);
  const headers = { authorization: 'Bearer token', 'x-id': 'i-1', 'x-key': 'k', 'content-type': 'text/plain; charset=iso-8859-1' };
  const bytes = Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x00]);
  assert.equal((await post(bed.url, bytes, headers, '/hooks/plain')).status, 202);
  const [message] = bed.published;
  assert.deepEqual(Buffer.from(message?.body ?? []), bytes);
  assert.deepEqual([message?.key, message?.headers['ce-id'], message?.headers['datacontenttype']], ['k', 'i-1', headers['content-type']]);

  assert.equal((await post(bed.url, 'x'.repeat(100), { ...headers, 'x-id': 'i-2' }, '/hooks/plain')).status, 202);
  const large = await post(bed.url, 'x'.repeat(101), headers, '/hooks/plain');
  assert.deepEqual([large.status, large.json['code'], large.json['detail']], [413, 'too_large', 'expected at most 100 bytes']);
  assert.equal((await post(bed.url, '{}', { ...headers, 'content-type': 'application/json' }, '/hooks/plain')).status, 415);
  const status = await new Promise((resolve) => {
    const chunked = request(`${bed.url}/hooks/plain`, { method: 'POST', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    chunked.write('x'.repeat(60));
    chunked.end('x'.repeat(60));
  });
  assert.equal(status, 413, 'also in chunks');
  assert.equal(bed.published.length, 2);
});
