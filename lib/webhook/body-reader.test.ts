import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBodyReader } from './body-reader.ts';
import { patience } from '../dev/test-scale.ts';

const read = createBodyReader(['command', 'payload.type', 'token']);

function textsOf(form: string): Record<string, string> {
  const body = read('form', Buffer.from(form));
  return body.ok ? Object.fromEntries(body.texts) : assert.fail(body.because);
}

test('fields are found by name, the first of a name counts, and one without a value has none', () => {
  assert.deepEqual(textsOf('a=b&command=%2Fgo+on&command=2'), { command: '/go on' });
  assert.deepEqual(textsOf('command&token=a=b&payload=%7B%22type%22%3A%22x%22%7D'), { token: 'a=b', 'payload.type': 'x' });
  assert.deepEqual(textsOf('&&command=&token'), {});
});

test('a form of nothing but fields without a value is read in the time of its length', () => {
  const startedAt = performance.now();
  assert.deepEqual(textsOf(`${'&'.repeat(500_000)}command=1`), { command: '1' });
  // A few milliseconds; where each field looks through all that is left, ten seconds.
  assert.ok(performance.now() - startedAt < patience(1_000), `${performance.now() - startedAt} ms`);
});
