import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from './secret.ts';

test('a secret shows [set] however it is printed, and its value only when it is revealed', () => {
  const secret = new Secret('hunter2');
  const nested = { deep: [secret] };
  for (const text of [
    String(secret),
    [secret].join(),
    JSON.stringify(nested),
    inspect(nested),
    format('%s %o %j', secret, secret, secret),
  ]) {
    assert.match(text, /\[set\]/);
    assert.doesNotMatch(text, /hunter2/);
  }
  assert.equal(secret.reveal(), 'hunter2');
});

test('an empty secret is refused', () => {
  assert.throws(() => new Secret(''), TypeError);
});
