import { createApiKey, keyDigest } from '../../../lib/access/api-key.ts';
import { createKeyRing, type ApiKeyRecord, type KeyRing } from '../../../lib/access/key-ring.ts';
import { Secret } from '../../../lib/core/secret.ts';

const PEPPER = new Secret('a pepper for tests');

function makeKey(changes: Partial<ApiKeyRecord> = {}) {
  const { id, text } = createApiKey('dev');
  const record: ApiKeyRecord = {
    id,
    name: 'test',
    source: 'shop',
    scopes: ['events:write'],
    digest: keyDigest(text.reveal().slice(0, -6), PEPPER).toString('hex'),
    expiresAt: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    revokedAt: null,
    replaces: null,
    ...changes,
  };
  return { record, text: text.reveal() };
}

const KEYS = {
  good: makeKey(),
  other: makeKey({ source: 'stock' }),
  scopeless: makeKey({ scopes: [] }),
  expired: makeKey({ expiresAt: '2026-01-02T00:00:00.000Z' }),
  revoked: makeKey({ revokedAt: '2026-01-02T00:00:00.000Z' }),
};

/** Keys that the test's ring knows, by what they are good for. */
export const TEST_KEYS = {
  good: KEYS.good.text,
  /** Of another source. */
  other: KEYS.other.text,
  scopeless: KEYS.scopeless.text,
  expired: KEYS.expired.text,
  revoked: KEYS.revoked.text,
  /** Well formed, and nobody's. */
  unknown: makeKey().text,
};

/** The real ring, with the test's keys. */
export function testKeyRing(): KeyRing {
  return createKeyRing(
    Object.values(KEYS).map(({ record }) => record),
    PEPPER,
    'dev',
  );
}

export function bearer(key: string = TEST_KEYS.good): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
