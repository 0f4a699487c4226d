import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomHex } from './random-hex.ts';

test('every draw is new, and as long as asked, across the end of the pool', () => {
  const draws = Array.from({ length: 5_000 }, (_, count) => randomHex(count % 2 === 0 ? 16 : 8));
  for (const [count, draw] of draws.entries()) assert.match(draw, count % 2 === 0 ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{16}$/);
  assert.equal(new Set(draws).size, draws.length);
  // Over 100,000 digits each has its share: a pool that is not filled again, or only in part, shows as one digit in excess.
  const digits = draws.join('');
  for (const digit of '0123456789abcdef') {
    const share = digits.split(digit).length / digits.length;
    assert.ok(Math.abs(share - 1 / 16) < 0.01, `${digit}: ${share}`);
  }
});
