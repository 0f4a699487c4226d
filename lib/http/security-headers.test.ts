import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSecurityHeaders } from './security-headers.ts';

test('a browser is told to load, frame and guess nothing, and nothing is said of the answer itself', async () => {
  assert.deepEqual(await readSecurityHeaders(), {
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'SAMEORIGIN',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
  });
});
