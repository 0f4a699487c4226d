import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Secret } from '../core/secret.ts';
import { API_KEY_PATTERN, createApiKey, keyChecksum, keyDigest, parseApiKey } from './api-key.ts';
import { type ApiKeyRecord, createKeyRing } from './key-ring.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { testSeed } from '../dev/test-seed.ts';
import { patience } from '../dev/test-scale.ts';

const PEPPER = new Secret('a pepper for tests');
const NOW = Date.parse('2026-01-01T00:00:00Z');
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** CRC-32 bit by bit, as the specification says it, to check the one that is used. */
function crc32ByBits(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function fromBase62(text: string): number {
  return text.split('').reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0);
}

function recordOf(text: Secret, fields: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  const parts = parseApiKey(text.reveal());
  assert.ok(typeof parts === 'object');
  return {
    id: parts.id,
    name: 'shop',
    source: 'shop',
    scopes: ['events:write'],
    digest: keyDigest(parts.signed, PEPPER).toString('hex'),
    expiresAt: null,
    createdAt: '2025-12-01T00:00:00Z',
    revokedAt: null,
    replaces: null,
    ...fields,
  };
}

test('the checksum is the published CRC-32 in base62, and two implementations agree on 1,000 keys', () => {
  // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
  assert.equal(crc32ByBits('123456789'), 0xcbf43926);
  assert.equal(fromBase62(keyChecksum('123456789')), 0xcbf43926);
  const vectors: readonly [string, string][] = [
    ['123456789', '3jZRME'],
    ['vis_prod_0000000000_0000000000000000000000000000', '3GOeUe'],
    ['vis_dev_abcdefghij_abcdefghijklmnopqrstuvwxyz01', '25aV4N'],
  ];
  for (const [signed, checksum] of vectors) assert.equal(keyChecksum(signed), checksum);
  for (let count = 0; count < 1_000; count += 1) {
    const text = createApiKey('stg').text.reveal();
    assert.equal(fromBase62(text.slice(-6)), crc32ByBits(text.slice(0, -6)));
  }
});

test('a key has 160 bits and more, its own environment, and its digest is an HMAC under the pepper', () => {
  const { id, text } = createApiKey('prod');
  const [, env, shownId, secret = ''] = API_KEY_PATTERN.exec(text.reveal()) ?? [];
  assert.deepEqual([env, shownId], ['prod', id]);
  assert.ok(secret.length * Math.log2(62) >= 160);
  const signed = text.reveal().slice(0, -6);
  assert.deepEqual(keyDigest(signed, PEPPER), createHmac('sha256', 'a pepper for tests').update(signed).digest());
  assert.equal(new Set(Array.from({ length: 1_000 }, () => createApiKey('dev').text.reveal())).size, 1_000);
});

test('every way not to be a key is refused with its own reason', () => {
  const { text } = createApiKey('prod');
  const ring = (fields: Partial<ApiKeyRecord> = {}, pepper = PEPPER) => createKeyRing([recordOf(text, fields)], pepper, 'prod');
  const reasonOf = (given: string, where = ring(), nowMs = NOW) => {
    const check = where.check(given, nowMs);
    return check.ok ? 'ok' : check.reason;
  };
  const key = text.reveal();
  const swapped = key.replace(/.(.{6})$/, (tail) => (tail[0] === 'a' ? 'b' : 'a') + tail.slice(1));
  const resealed = swapped.slice(0, -6) + keyChecksum(swapped.slice(0, -6));
  assert.equal(reasonOf(key), 'ok');
  assert.equal(reasonOf(''), 'no_key');
  for (const wrong of ['hunter2', ` ${key}`, `${key}\n`, key.slice(0, -1), `${key}0`, key.replace('vis_', 'viz_'), 'x'.repeat(100_000)])
    assert.equal(reasonOf(wrong), 'malformed', wrong.slice(0, 60));
  assert.equal(reasonOf(swapped), 'wrong_checksum');
  assert.equal(reasonOf(resealed), 'wrong_secret');
  assert.equal(reasonOf(key, ring({}, new Secret('another pepper'))), 'wrong_secret');
  assert.equal(reasonOf(createApiKey('prod').text.reveal()), 'unknown');
  assert.equal(reasonOf(createApiKey('dev').text.reveal()), 'wrong_environment');
  assert.equal(reasonOf(key, ring({ revokedAt: '2025-12-31T00:00:00Z' })), 'revoked');
  assert.equal(reasonOf(resealed, ring({ revokedAt: '2025-12-31T00:00:00Z' })), 'wrong_secret');
});

test('a key counts until its expiry by the clock of the request, and not a millisecond longer', () => {
  const { text } = createApiKey('prod');
  const ring = createKeyRing([recordOf(text, { expiresAt: '2026-01-01T00:00:00Z' })], PEPPER, 'prod');
  assert.equal(ring.check(text.reveal(), NOW - 1).ok, true);
  assert.deepEqual(ring.check(text.reveal(), NOW), { ok: false, reason: 'expired' });
  const unreadable = createKeyRing([recordOf(text, { expiresAt: 'soon' })], PEPPER, 'prod');
  assert.deepEqual(unreadable.check(text.reveal(), NOW), { ok: false, reason: 'expired' });
});

test('a check costs microseconds among 10,000 keys, and an unknown id as much as a known one', (t) => {
  const keys = Array.from({ length: 10_000 }, () => createApiKey('prod').text);
  const ring = createKeyRing(
    keys.map((text) => recordOf(text)),
    PEPPER,
    'prod',
  );
  const unknown = createApiKey('prod').text.reveal();
  const known = keys[5_000]!.reveal();
  const microseconds = (text: string): number => {
    const rounds = Array.from({ length: 15 }, () => {
      const startedAt = performance.now();
      for (let count = 0; count < 1_000; count += 1) ring.check(text, NOW);
      return performance.now() - startedAt;
    });
    return rounds.toSorted((a, b) => a - b)[7]!;
  };
  const figures = {
    known: microseconds(known),
    unknown: microseconds(unknown),
    'wrong checksum': microseconds(known.slice(0, -1) + (known.endsWith('0') ? '1' : '0')),
  };
  t.diagnostic(`microseconds per check: ${JSON.stringify(figures)}`);
  assert.ok(figures.known < patience(200), `expected below 200 µs, got ${figures.known}`);
  const most = Math.max(figures.known, figures.unknown) / Math.min(figures.known, figures.unknown);
  assert.ok(most < patience(3), JSON.stringify(figures));
});

test('a scanner finds a planted key, and nothing in 10,000 random strings', () => {
  const { text } = createApiKey('prod');
  const found = API_KEY_PATTERN.exec(`API_KEY="${text.reveal()}" # do not commit`)?.[0] ?? '';
  assert.equal(typeof parseApiKey(found), 'object');
  const chance = seededRandom(testSeed);
  const random = (length: number) => Array.from({ length }, () => BASE62[Math.floor(chance() * 62)]).join('');
  for (let count = 0; count < 10_000; count += 1) {
    // Half of them look as much like a key as chance can make them.
    const line = count % 2 === 0 ? random(60) : `vis_prod_${random(10)}_${random(34)}`;
    const match = API_KEY_PATTERN.exec(line)?.[0];
    assert.equal(
      match === undefined ? 'malformed' : typeof parseApiKey(match) === 'object' ? line : 'no key',
      count % 2 === 0 ? 'malformed' : 'no key',
    );
  }
});

test('the page for scanners has the pattern', () => {
  const page = readFileSync(new URL('../../docs/sources-and-keys.md', import.meta.url), 'utf8');
  assert.ok(page.split('\n').includes(API_KEY_PATTERN.source));
});
