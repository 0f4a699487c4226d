import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createApiKey, keyDigest, parseApiKey } from '../access/api-key.ts';
import { createSeal, type Seal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import { headersFromRecord } from '../webhook/webhook-headers.ts';
import { createKnownSettings } from './known-settings.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const PLACE = 'sources.github';

const newSeal = (): Seal => createSeal(new Secret(randomBytes(32).toString('base64')));

function openKnown(seal: Seal) {
  const invalid: string[] = [];
  const known = createKnownSettings({
    seal,
    pepper: new Secret('a pepper'),
    env: 'dev',
    now: () => NOW,
    onInvalid: (key, because) => invalid.push(`${key}: ${because}`),
  });
  return { known, invalid };
}

function github(secrets: readonly { sealed: string; expiresAt: string | null }[]): string {
  return JSON.stringify({
    document: { name: 'github', preset: 'github' },
    secrets: secrets.map((secret, index) => ({ id: `sec_${index}`, createdAt: '2025-01-01T00:00:00Z', ...secret })),
    changedAt: '2025-01-01T00:00:00Z',
    changedBy: 'test',
    laterField: 'of a newer version',
  });
}

/** A key as its store writes it. */
function makeKey(revision: number) {
  const { id, text } = createApiKey('dev');
  const parts = parseApiKey(text.reveal());
  assert.ok(typeof parts !== 'string');
  const value = JSON.stringify({
    id,
    name: 'test',
    source: 'api',
    scopes: ['events:write'],
    digest: keyDigest(parts.signed, new Secret('a pepper')).toString('hex'),
    expiresAt: null,
    createdAt: '2025-01-01T00:00:00Z',
    revokedAt: null,
    replaces: null,
    changedAt: '2025-01-01T00:00:00Z',
    changedBy: 'test',
  });
  return { text: text.reveal(), entry: { key: `api-keys.${id}`, value, revision } };
}

test('a secret that has expired needs no key any more; where all have, the source stays and verifies nobody', () => {
  const [seal, old] = [newSeal(), newSeal()];
  const { known, invalid } = openKnown(seal);
  const over = '2025-12-31T23:59:59Z';
  const value = github([
    { sealed: seal.seal('hunter2', PLACE), expiresAt: null },
    { sealed: old.seal('hunter1', PLACE), expiresAt: over },
  ]);
  known.replace([{ key: PLACE, value, revision: 1 }]);
  assert.deepEqual([known.sources.size, invalid], [1, []]);

  known.replace([{ key: PLACE, value: github([{ sealed: seal.seal('hunter2', PLACE), expiresAt: over }]), revision: 2 }]);
  const result = known.sources
    .get('github')
    ?.verify(headersFromRecord({ 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }), Buffer.from('{}'), NOW);
  assert.deepEqual(result, { ok: false, reason: 'no_active_secret' });
});

test('what a newer version has put there beside is passed over, and what was taken away is gone', () => {
  const seal = newSeal();
  const { known, invalid } = openKnown(seal);
  const entry = { key: PLACE, value: github([{ sealed: seal.seal('hunter2', PLACE), expiresAt: null }]), revision: 1 };
  assert.deepEqual(known.replace([entry, { key: 'channels.slack', value: 'whatever', revision: 2 }]), [PLACE]);
  assert.deepEqual([invalid, known.invalid, known.replace([entry])], [[], [], []]);
  assert.deepEqual(known.replace([]), [PLACE]);
  assert.deepEqual([known.sources.size, known.isUnreadable('github'), known.entries()], [0, false, []]);
});

test('a key whose newest version cannot be read is refused, also after a restart, and others are not', () => {
  const { known, invalid } = openKnown(newSeal());
  const [kept, lost] = [makeKey(1), makeKey(2)];
  known.replace([kept.entry, lost.entry]);
  const isTaken = (settings: typeof known, { text }: typeof kept): boolean => settings.keys.check(text, NOW).ok;
  assert.deepEqual([isTaken(known, kept), isTaken(known, lost)], [true, true]);

  const revoked = { ...lost.entry, value: '{"revokedAt":', revision: 3 };
  known.replace([kept.entry, revoked]);
  assert.deepEqual([isTaken(known, kept), isTaken(known, lost)], [true, false]);
  assert.deepEqual([known.invalid, invalid], [[revoked.key], [`${revoked.key}: expected JSON`]]);

  const restarted = openKnown(newSeal()).known;
  restarted.replace(known.entries());
  assert.deepEqual([isTaken(restarted, kept), isTaken(restarted, lost), restarted.invalid], [true, false, [revoked.key]]);
});

test('of one source only the newest wrong version is kept beside the last good one, and each is told once', () => {
  const seal = newSeal();
  const { known, invalid } = openKnown(seal);
  const good = { key: PLACE, value: github([{ sealed: seal.seal('hunter2', PLACE), expiresAt: null }]), revision: 1 };
  known.replace([good]);
  const source = known.sources.get('github');
  const wrong = (revision: number) => ({ key: PLACE, value: '{"hunter2', revision });
  for (const revision of [2, 3, 3]) known.replace([wrong(revision)]);
  assert.deepEqual([known.sources.get('github'), known.invalid, known.entries()], [source, [PLACE], [good, wrong(3)]]);
  assert.deepEqual(invalid, [`${PLACE}: expected JSON`, `${PLACE}: expected JSON`]);
});
