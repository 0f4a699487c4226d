import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Secret } from '../core/secret.ts';
import { PRESETS } from './presets.ts';
import { createSignatureVerifier, sign } from './signature.ts';
import type { SignatureScheme, SigningSecret, VerifyFailure } from './signature.ts';
import { headersFromRaw, headersFromRecord } from './webhook-headers.ts';

const GITHUB = PRESETS.github.scheme;
const STANDARD = PRESETS['standard-webhooks'].scheme;

/** Published: docs.github.com, "Testing the webhook payload validation". */
const GITHUB_VECTOR = {
  secret: "It's a Secret to Everybody",
  body: Buffer.from('Hello, World!'),
  headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' },
};

/** Published: the test of the standard-webhooks reference libraries. */
const STANDARD_VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  body: Buffer.from('{"test": 2432232314}'),
  at: 1_614_265_330,
  headers: {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
};
const STANDARD_SIGNATURE = STANDARD_VECTOR.headers['webhook-signature'];

function verifier(scheme: SignatureScheme, ...secrets: (string | SigningSecret)[]) {
  return createSignatureVerifier(
    scheme,
    secrets.map((secret) => (typeof secret === 'string' ? { value: new Secret(secret) } : secret)),
  );
}

const github = verifier(GITHUB, GITHUB_VECTOR.secret);
const standard = verifier(STANDARD, STANDARD_VECTOR.secret);

function verifyStandard(
  change: Partial<Record<keyof typeof STANDARD_VECTOR.headers, string>>,
  atSeconds = STANDARD_VECTOR.at,
  body = STANDARD_VECTOR.body,
) {
  return standard(headersFromRecord({ ...STANDARD_VECTOR.headers, ...change }), body, atSeconds * 1000);
}

test("GitHub's published vector is verified", () => {
  assert.deepEqual(github(headersFromRecord(GITHUB_VECTOR.headers), GITHUB_VECTOR.body, 0), { ok: true });
});

test('the published vector of Standard Webhooks is verified, and signed alike', () => {
  assert.deepEqual(verifyStandard({}), { ok: true });
  const signature = sign(STANDARD, new Secret(STANDARD_VECTOR.secret), headersFromRecord(STANDARD_VECTOR.headers), STANDARD_VECTOR.body);
  assert.equal(signature, STANDARD_SIGNATURE);
});

test('bytes that are not UTF-8 and a long body are verified as openssl signs them', () => {
  const body = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00, 0x80]), Buffer.alloc(100_000, 'x')]);
  const hex = execFileSync('openssl', ['dgst', '-sha256', '-hmac', 'a secret', '-r'], { input: body }).toString().slice(0, 64);
  assert.deepEqual(verifier(GITHUB, 'a secret')(headersFromRecord({ 'x-hub-signature-256': `sha256=${hex}` }), body, 0), { ok: true });

  const key = Buffer.alloc(32, 7);
  const signed = Buffer.concat([Buffer.from('msg_1.1700000000.'), body]);
  const mac = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary'], {
    input: signed,
  });
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000', 'webhook-signature': `v1,${mac.toString('base64')}` };
  assert.deepEqual(verifier(STANDARD, `whsec_${key.toString('base64')}`)(headersFromRecord(headers), body, 1_700_000_000_000), {
    ok: true,
  });
});

const GITHUB_SIGNATURE = GITHUB_VECTOR.headers['x-hub-signature-256'];
const githubNegatives: readonly [string, string, VerifyFailure][] = [
  ['nothing', '', 'no_signature'],
  ['the prefix only', 'sha256=', 'malformed_signature'],
  ['a cut signature', GITHUB_SIGNATURE.slice(0, -2), 'malformed_signature'],
  ['upper-case hex', `sha256=${GITHUB_SIGNATURE.slice(7).toUpperCase()}`, 'malformed_signature'],
  ['no prefix', GITHUB_SIGNATURE.slice(7), 'malformed_signature'],
  ['the scheme of before', GITHUB_SIGNATURE.replace('sha256', 'sha1'), 'malformed_signature'],
  ['something behind it', `${GITHUB_SIGNATURE}00`, 'malformed_signature'],
  ['one digit changed', GITHUB_SIGNATURE.replace(/7$/, '8'), 'wrong_signature'],
  ['two in one', `${GITHUB_SIGNATURE},${GITHUB_SIGNATURE}`, 'malformed_signature'],
];
for (const [name, signature, reason] of githubNegatives) {
  test(`GitHub, ${name}: ${reason}`, () => {
    assert.deepEqual(github(headersFromRecord({ 'x-hub-signature-256': signature }), GITHUB_VECTOR.body, 0), { ok: false, reason });
  });
}

const digest = STANDARD_SIGNATURE.slice(3);
const standardNegatives: readonly [string, string, VerifyFailure][] = [
  ['nothing', '', 'no_signature'],
  ['v1, only', 'v1,', 'malformed_signature'],
  ['a cut prefix of the signature', STANDARD_SIGNATURE.slice(0, 20), 'malformed_signature'],
  ['the right signature under v1a', `v1a,${digest}`, 'malformed_signature'],
  ['the right signature under v0', `v0,${digest}`, 'malformed_signature'],
  ['base64url', `v1,${digest.replaceAll('+', '-').replaceAll('/', '_')}`, 'malformed_signature'],
  ['without its padding', STANDARD_SIGNATURE.slice(0, -1), 'malformed_signature'],
  ['hex', `v1,${Buffer.from(digest, 'base64').toString('hex')}`, 'malformed_signature'],
  ['another digest', `v1,${Buffer.alloc(32).toString('base64')}`, 'wrong_signature'],
  [
    'a thousand signatures, the right one last',
    `${`v1,${Buffer.alloc(32).toString('base64')} `.repeat(999)}${STANDARD_SIGNATURE}`,
    'too_many_signatures',
  ],
  ['nine signatures, the right one first', `${STANDARD_SIGNATURE}${` v1,${digest}`.repeat(8)}`, 'too_many_signatures'],
];
for (const [name, signature, reason] of standardNegatives) {
  test(`Standard Webhooks, ${name}: ${reason}`, () => {
    assert.deepEqual(verifyStandard({ 'webhook-signature': signature }), { ok: false, reason });
  });
}

test('signatures of other schemes and of other secrets may stand beside the right one', () => {
  assert.deepEqual(verifyStandard({ 'webhook-signature': `v1a,abc v1,${Buffer.alloc(32).toString('base64')} ${STANDARD_SIGNATURE}` }), {
    ok: true,
  });
});

for (const [name, timestamp, atSeconds, reason] of [
  ['301 s old', '1614265330', 1_614_265_631, 'too_old'],
  ['301 s ahead', '1614265330', 1_614_265_029, 'in_the_future'],
  ['text', 'abc', undefined, 'malformed_timestamp'],
  ['an exponent', '1e10', undefined, 'malformed_timestamp'],
  ['negative', '-1614265330', undefined, 'malformed_timestamp'],
  ['a suffix', '1614265330abc', undefined, 'malformed_timestamp'],
  ['a leading zero', '01614265330', undefined, 'malformed_timestamp'],
  ['a fraction', '1614265330.5', undefined, 'malformed_timestamp'],
] as const) {
  test(`a time that is ${name}: ${reason}`, () => {
    // Signed rightly: only the time is wrong.
    const headers = { ...STANDARD_VECTOR.headers, 'webhook-timestamp': timestamp };
    const signature = sign(STANDARD, new Secret(STANDARD_VECTOR.secret), headersFromRecord(headers), STANDARD_VECTOR.body);
    assert.deepEqual(verifyStandard({ ...headers, 'webhook-signature': signature }, atSeconds), { ok: false, reason });
  });
}

test('the window is 300 s both ways', () => {
  assert.deepEqual(verifyStandard({}, STANDARD_VECTOR.at + 300), { ok: true });
  assert.deepEqual(verifyStandard({}, STANDARD_VECTOR.at - 300), { ok: true });
});

test('a body written anew, and one with a flipped bit, are refused', () => {
  for (const body of [Buffer.from('{"test":2432232314}'), Buffer.from('{"test": 2432232315}'), Buffer.from('{"test": 2432232314}\n')])
    assert.deepEqual(verifyStandard({}, undefined, body), { ok: false, reason: 'wrong_signature' });
});

test('another id or time under the same signature is refused', () => {
  assert.deepEqual(verifyStandard({ 'webhook-id': 'msg_other' }), { ok: false, reason: 'wrong_signature' });
  assert.deepEqual(verifyStandard({ 'webhook-timestamp': '1614265331' }), { ok: false, reason: 'wrong_signature' });
});

test('a header that was sent twice is refused, even with the same value', () => {
  for (const name of Object.keys(STANDARD_VECTOR.headers)) {
    const raw = Object.entries(STANDARD_VECTOR.headers).flatMap(([header, value]) =>
      header === name ? [header, value, header.toUpperCase(), value] : [header, value],
    );
    assert.deepEqual(standard(headersFromRaw(raw), STANDARD_VECTOR.body, STANDARD_VECTOR.at * 1000), {
      ok: false,
      reason: 'duplicate_header',
    });
  }
});

test('a signature with the secret of another source is refused', () => {
  const other = verifier(GITHUB, 'the secret of another source');
  assert.deepEqual(other(headersFromRecord(GITHUB_VECTOR.headers), GITHUB_VECTOR.body, 0), { ok: false, reason: 'wrong_signature' });
});

test('in a rotation both secrets count, and the old one not a millisecond after its end', () => {
  const expiresAt = 1_700_000_000_000;
  const verify = verifier(GITHUB, 'new', { value: new Secret(GITHUB_VECTOR.secret), expiresAt });
  const headers = headersFromRecord(GITHUB_VECTOR.headers);
  assert.deepEqual(verify(headers, GITHUB_VECTOR.body, expiresAt - 1), { ok: true });
  assert.deepEqual(verify(headers, GITHUB_VECTOR.body, expiresAt), { ok: false, reason: 'wrong_signature' });
  const alone = verifier(GITHUB, { value: new Secret(GITHUB_VECTOR.secret), expiresAt });
  assert.deepEqual(alone(headers, GITHUB_VECTOR.body, expiresAt), { ok: false, reason: 'no_active_secret' });
});

test('no secret, a blank one, or one that does not fit its scheme is refused before anything is verified', () => {
  assert.throws(() => createSignatureVerifier(GITHUB, []), TypeError);
  assert.throws(() => verifier(GITHUB, '  '), TypeError);
  for (const text of [
    'whsec_',
    'whsec_AAAA',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `whsec_${'A'.repeat(120)}`,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*',
  ])
    assert.throws(() => verifier(STANDARD, text), TypeError, text);
});

test('no signature is compared by ===', () => {
  const code = readFileSync(new URL('./signature.ts', import.meta.url), 'utf8');
  assert.match(code, /timingSafeEqual\(expected, signature\)/);
  assert.doesNotMatch(code, /(expected|signature)\s*[=!]==?\s*(expected|signature)|\.equals\(/);
});
