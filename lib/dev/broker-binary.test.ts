import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast } from './broker-binary.ts';

test('versions are compared number by number, not as text', () => {
  assert.equal(isAtLeast('2.14.3', '2.14.3'), true);
  assert.equal(isAtLeast('2.15.0', '2.14.3'), true);
  assert.equal(isAtLeast('2.9.10', '2.14.3'), false);
  assert.equal(isAtLeast('2.14.2', '2.14.3'), false);
  assert.equal(isAtLeast('3.0.0', '2.14.3'), true);
});
