import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { HEADERS } from '../core/headers.ts';
import { createSeal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import { anyText } from '../dev/any-text.ts';
import { byReceipt, readRejected, readSummary, writeRejected } from './rejected-request.ts';
import type { RejectedRequest } from './rejected-request.ts';

const seal = createSeal(new Secret(randomBytes(32).toString('base64')));
const REQUEST: RejectedRequest = {
  id: 'id-1',
  source: 'github',
  reason: 'wrong_signature',
  receivedAtMs: Date.parse('2026-11-22T10:00:00.123Z'),
  number: 7,
  method: 'POST',
  path: '/hooks/github?token=hunter2',
  rawHeaders: ['Authorization', 'Bearer hunter2', 'X-Twice', 'a', 'x-twice', 'b'],
  remoteAddress: '10.0.0.1',
  body: Buffer.from('{"a":1}'),
};

/** As the log gives it back. */
function stored(request: RejectedRequest, source = request.source) {
  const { headers, body } = writeRejected(request, seal);
  return { source, headers: { ...headers, [HEADERS.id]: request.id }, body };
}

test('what is written is read again, header for header, whatever a stranger sends', () => {
  fc.assert(
    fc.property(
      fc.array(anyText({ maxLength: 40 }), { maxLength: 20 }),
      anyText(),
      fc.uint8Array(),
      fc.option(fc.ipV6(), { nil: undefined }),
      (rawHeaders, path, body, remoteAddress) => {
        const request = { ...REQUEST, rawHeaders, path, body, remoteAddress };
        assert.deepEqual(readRejected(stored(request), seal), request);
      },
    ),
  );
});

test('nothing that may be a credential is stored in the clear, and the time can be read without the key', () => {
  const { headers } = stored(REQUEST);
  assert.doesNotMatch(JSON.stringify(headers), /hunter2/);
  assert.deepEqual(
    readSummary((name) => headers[name as keyof typeof headers] ?? ''),
    {
      id: 'id-1',
      receivedAtMs: REQUEST.receivedAtMs,
      number: 7,
    },
  );
});

test('a request that is moved to another source, another identity or another key does not open; its time is the sealed one', () => {
  const moved = [stored(REQUEST, 'stripe'), { ...stored(REQUEST), headers: { ...stored(REQUEST).headers, [HEADERS.id]: 'id-2' } }];
  for (const each of moved) assert.throws(() => readRejected(each, seal), { code: 'cannot_unseal' });
  const other = createSeal(new Secret(randomBytes(32).toString('base64')));
  assert.throws(() => readRejected(stored(REQUEST), other), { code: 'cannot_unseal' });
  const later = stored(REQUEST);
  const changed = { ...later, headers: { ...later.headers, [HEADERS.received]: '2030-01-01T00:00:00.000Z' } };
  assert.equal(readRejected(changed, seal).receivedAtMs, REQUEST.receivedAtMs);
});

test('requests are in the order of receipt, within a millisecond too', () => {
  const at = (receivedAtMs: number, number: number) => ({ receivedAtMs, number });
  assert.deepEqual([at(2, 1), at(1, 3), at(1, 2)].sort(byReceipt), [at(1, 2), at(1, 3), at(2, 1)]);
  assert.deepEqual(
    readSummary(() => ''),
    { id: '', receivedAtMs: 0, number: 0 },
  );
});

test('a body that is not the one that came does not open', () => {
  const changed = { ...stored(REQUEST), body: Buffer.from('{"a":2}') };
  assert.throws(() => readRejected(changed, seal), /rejected\.github\.id-1: its body is not the one that came/);
});
