import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { sign as signGithub, verify as verifyGithub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Secret } from '../core/secret.ts';
import { compileSource, parseSourceDocument } from './source.ts';
import { signRequest } from './verifier.ts';
import { headersFromRecord } from './webhook-headers.ts';

/** A genuine request that somebody else has made. */
interface Vector {
  readonly name: string;
  readonly document: { readonly preset: string; readonly options?: object };
  readonly secret: string;
  /** Unix seconds. */
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Slack's own example of a slash command. */
const SLACK_BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';

const published: readonly Vector[] = [
  {
    name: 'GitHub, docs.github.com, "Testing the webhook payload validation"',
    document: { preset: 'github' },
    secret: "It's a Secret to Everybody",
    at: 0,
    headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' },
    body: 'Hello, World!',
  },
  {
    name: 'Standard Webhooks, the tests of the reference libraries',
    document: { preset: 'standard-webhooks' },
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    at: 1_614_265_330,
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
  },
  {
    name: 'Slack, docs.slack.dev, "Verifying requests from Slack"',
    document: { preset: 'slack' },
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    at: 1_531_420_618,
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    },
    body: SLACK_BODY,
  },
];

/** Bytes that no text decoder leaves as they are. */
const BYTES = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00, 0x80]), Buffer.alloc(100_000, 'x')]);
const AT = 1_700_000_000;
const STRIPE_BODY = JSON.stringify({ id: 'evt_test_webhook', object: 'event' }, null, 2);
const KEY = Buffer.alloc(32, 7);

/** `openssl dgst -<algorithm> -mac HMAC -macopt hexkey:<hex> -binary < signed` */
function openssl(algorithm: 'sha1' | 'sha256' | 'sha512', key: string | Uint8Array, ...signed: (string | Uint8Array)[]): Buffer {
  const hex = Buffer.from(key).toString('hex');
  const input = Buffer.concat(signed.map((part) => Buffer.from(part)));
  return execFileSync('openssl', ['dgst', `-${algorithm}`, '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary'], { input });
}

/** Nobody publishes one of these, or not of such bytes. */
const computed: readonly Vector[] = [
  {
    name: 'GitHub, bytes that are no text',
    document: { preset: 'github' },
    secret: 'a secret',
    at: AT,
    headers: { 'x-hub-signature-256': `sha256=${openssl('sha256', 'a secret', BYTES).toString('hex')}` },
    body: BYTES,
  },
  {
    name: 'Standard Webhooks, bytes that are no text',
    document: { preset: 'standard-webhooks' },
    secret: `whsec_${KEY.toString('base64')}`,
    at: AT,
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(AT),
      'webhook-signature': `v1,${openssl('sha256', KEY, `msg_1.${AT}.`, BYTES).toString('base64')}`,
    },
    body: BYTES,
  },
  {
    name: 'Stripe',
    document: { preset: 'stripe' },
    secret: 'whsec_test_secret',
    at: 1_614_265_330,
    headers: {
      'stripe-signature': `t=1614265330,v1=${openssl('sha256', 'whsec_test_secret', `1614265330.${STRIPE_BODY}`).toString('hex')}`,
    },
    body: STRIPE_BODY,
  },
  {
    name: 'Stripe, in a rotation, with a test signature',
    document: { preset: 'stripe' },
    secret: 'whsec_test_secret',
    at: AT,
    headers: {
      'stripe-signature': `t=${AT},v1=${openssl('sha256', 'whsec_old', `${AT}.`, BYTES).toString('hex')},v1=${openssl('sha256', 'whsec_test_secret', `${AT}.`, BYTES).toString('hex')},v0=${'6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39'}`,
    },
    body: BYTES,
  },
  {
    name: 'Slack, bytes that are no text',
    document: { preset: 'slack' },
    secret: 'a secret',
    at: AT,
    headers: {
      'x-slack-request-timestamp': String(AT),
      'x-slack-signature': `v0=${openssl('sha256', 'a secret', `v0:${AT}:`, BYTES).toString('hex')}`,
    },
    body: BYTES,
  },
  {
    name: 'any HMAC: sha512, base64, time and a header',
    document: {
      preset: 'generic',
      options: {
        header: 'x-sig',
        algorithm: 'sha512',
        encoding: 'base64',
        payload: '{timestamp}:{header:x-id}:{body}',
        timestampHeader: 'x-time',
      },
    },
    secret: 'ключ',
    at: AT,
    headers: { 'x-time': String(AT), 'x-id': 'i', 'x-sig': openssl('sha512', 'ключ', `${AT}:i:`, BYTES).toString('base64') },
    body: BYTES,
  },
  {
    name: 'any HMAC: sha1, base64url, a prefix',
    document: { preset: 'generic', options: { header: 'x-sig', algorithm: 'sha1', encoding: 'base64url', prefix: 'v1:' } },
    secret: 'a secret',
    at: AT,
    headers: { 'x-sig': `v1:${openssl('sha1', 'a secret', BYTES).toString('base64url')}` },
    body: BYTES,
  },
  {
    name: 'any HMAC: base64url with its padding',
    document: { preset: 'generic', options: { header: 'x-sig', encoding: 'base64url' } },
    secret: 'a secret',
    at: AT,
    headers: { 'x-sig': `${openssl('sha256', 'a secret', BYTES).toString('base64url')}=` },
    body: BYTES,
  },
];

function compile(document: object, secret: string) {
  return compileSource(parseSourceDocument({ name: 'x', ...document }), [{ value: new Secret(secret) }]);
}

for (const { name, document, secret, at, headers, body } of [...published, ...computed])
  test(`${name}: the vector is verified`, () => {
    const { verify } = compile(document, secret);
    const bytes = Buffer.from(body);
    assert.deepEqual(verify(headersFromRecord(headers), bytes, at * 1000), { ok: true });
    const other = Buffer.concat([bytes, Buffer.of(0)]);
    assert.deepEqual(verify(headersFromRecord(headers), other, at * 1000), { ok: false, reason: 'wrong_signature' });
  });

test('the published vectors are signed alike', () => {
  for (const { name, document, secret, at, headers, body } of published) {
    const { scheme } = compile(document, secret);
    const { 'webhook-id': id } = headers;
    const request = { headers: id === undefined ? {} : { 'webhook-id': id }, body: Buffer.from(body), nowMs: at * 1000 };
    assert.deepEqual({ ...request.headers, ...signRequest(scheme, new Secret(secret), request) }, headers, name);
  }
});

test('the official libraries and ours verify what the other has signed', async () => {
  for (let round = 0; round < 20; round += 1) {
    const body = JSON.stringify({ round, text: randomBytes(round * 10).toString('latin1') });
    const bytes = Buffer.from(body);
    const nowMs = Date.now();
    const seconds = Math.floor(nowMs / 1000);

    const whsec = `whsec_${randomBytes(24 + round).toString('base64')}`;
    const standard = compile({ preset: 'standard-webhooks' }, whsec);
    const library = new Webhook(whsec);
    const signature = library.sign('msg_1', new Date(nowMs), body);
    const signed = { 'webhook-id': 'msg_1', 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
    assert.deepEqual(standard.verify(headersFromRecord(signed), bytes, nowMs), { ok: true });
    const ours = signRequest(standard.scheme, new Secret(whsec), { headers: { 'webhook-id': 'msg_2' }, body: bytes, nowMs });
    assert.ok(library.verify(body, { 'webhook-id': 'msg_2', ...ours }));

    const secret = randomBytes(20).toString('base64url');
    const github = compile({ preset: 'github' }, secret);
    const hub = { 'x-hub-signature-256': await signGithub(secret, body) };
    assert.deepEqual(github.verify(headersFromRecord(hub), bytes, nowMs), { ok: true });
    const { 'x-hub-signature-256': own = '' } = signRequest(github.scheme, new Secret(secret), { headers: {}, body: bytes, nowMs });
    assert.equal(await verifyGithub(secret, body, own), true);

    const stripe = compile({ preset: 'stripe' }, secret);
    const { webhooks } = new Stripe('sk_test_x');
    const header = webhooks.generateTestHeaderString({ payload: body, secret, timestamp: seconds });
    assert.deepEqual(stripe.verify(headersFromRecord({ 'stripe-signature': header }), bytes, nowMs), { ok: true });
    const { 'stripe-signature': mine = '' } = signRequest(stripe.scheme, new Secret(secret), { headers: {}, body: bytes, nowMs });
    assert.ok(webhooks.constructEvent(body, mine, secret));
  }
});
