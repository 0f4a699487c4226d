import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Secret } from '../core/secret.ts';
import { PRESETS } from './presets.ts';
import { MAX_SIGNATURES, createSignatureVerifier, sign } from './signature.ts';
import { headersFromRaw, headersFromRecord } from './webhook-headers.ts';

// What is forged, and what others have signed, is tried on every preset in test/corpus and vectors.test.ts.

const STANDARD = PRESETS['standard-webhooks'].scheme;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = Buffer.from('{"test": 2432232314}');
const AT = 1_614_265_330;
const SIGNED = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': String(AT) };
const SIGNATURE = sign(STANDARD, new Secret(SECRET), headersFromRecord(SIGNED), BODY);
const ZEROS = `v1,${Buffer.alloc(32).toString('base64')}`;

const verifier = createSignatureVerifier(STANDARD, [{ value: new Secret(SECRET) }]);
const verify = (signature: string, atSeconds = AT) =>
  verifier(headersFromRecord({ ...SIGNED, 'webhook-signature': signature }), BODY, atSeconds * 1000);

test('signatures of other schemes and of other secrets may stand beside the right one, up to eight', () => {
  assert.deepEqual(verify(`v1a,abc ${ZEROS} ${SIGNATURE}`), { ok: true });
  const beside = Array.from({ length: MAX_SIGNATURES - 1 }, () => ZEROS).join(' ');
  assert.deepEqual(verify(`${beside} ${SIGNATURE}`), { ok: true });
  assert.deepEqual(verify(`${SIGNATURE} ${beside} ${ZEROS}`), { ok: false, reason: 'too_many_signatures', header: 'webhook-signature' });
  // One that is cut makes the whole header doubtful.
  assert.deepEqual(verify(`${SIGNATURE} ${SIGNATURE.slice(0, -1)}`), {
    ok: false,
    reason: 'malformed_signature',
    header: 'webhook-signature',
  });
});

test('the window is 300 s both ways', () => {
  assert.deepEqual(verify(SIGNATURE, AT + 300), { ok: true });
  assert.deepEqual(verify(SIGNATURE, AT + 301), { ok: false, reason: 'too_old' });
  assert.deepEqual(verify(SIGNATURE, AT - 300), { ok: true });
  assert.deepEqual(verify(SIGNATURE, AT - 301), { ok: false, reason: 'in_the_future' });
});

test("Stripe's time may stand anywhere among its signatures", () => {
  const secret = new Secret('whsec_x');
  const stripe = createSignatureVerifier(PRESETS.stripe.scheme, [{ value: secret }]);
  const [time, signature] = sign(PRESETS.stripe.scheme, secret, headersFromRaw([]), BODY, String(AT)).split(',');
  for (const header of [`${time},${signature}`, `${signature},${time}`, `v0=00,${signature},v2=x,${time}`])
    assert.deepEqual(stripe(headersFromRecord({ 'stripe-signature': header }), BODY, AT * 1000), { ok: true }, header);
});

test('no secret, a blank one, or one that does not fit its scheme is refused before anything is verified', () => {
  assert.throws(() => createSignatureVerifier(PRESETS.github.scheme, []), TypeError);
  assert.throws(() => createSignatureVerifier(PRESETS.github.scheme, [{ value: new Secret('  ') }]), TypeError);
  for (const text of [
    'whsec_',
    'whsec_AAAA',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `whsec_${'A'.repeat(120)}`,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*',
  ])
    assert.throws(() => createSignatureVerifier(STANDARD, [{ value: new Secret(text) }]), TypeError, text);
});

test('no signature and no credential is compared by ===', () => {
  for (const [file, comparison] of [
    ['signature.ts', /timingSafeEqual\(expected, signature\)/],
    ['credential.ts', /timingSafeEqual\(digest, presented\)/],
  ] as const) {
    const code = readFileSync(new URL(file, import.meta.url), 'utf8');
    assert.match(code, comparison);
    assert.doesNotMatch(code, /(expected|signature|digest|presented)\s*[=!]==?\s*(expected|signature|digest|presented)\b|\.equals\(/);
  }
});
