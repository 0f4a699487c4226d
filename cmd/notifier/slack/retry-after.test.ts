import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from './retry-after.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');

test('Retry-After is read as seconds or as an HTTP date, capped at a day, and nonsense is no answer', () => {
  const cases: [string | undefined, number | undefined][] = [
    ['30', 30_000],
    [' 1 ', 1_000],
    ['Sun, 22 Nov 2026 12:00:05 GMT', 5_000],
    ['86400', MAX_RETRY_AFTER_MS],
    ['315360000', MAX_RETRY_AFTER_MS],
    ['99999999999999999999999999', MAX_RETRY_AFTER_MS],
    ['Fri, 22 Nov 2036 12:00:00 GMT', MAX_RETRY_AFTER_MS],
    ['Sun, 22 Nov 2026 11:59:59 GMT', undefined],
    ['Sun, 99 Nov 2026 11:59:59 GMT', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
    ['soon', undefined],
    ['2026-11-22T12:00:05Z', undefined],
    ['30, 60', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [value, expected] of cases) assert.equal(parseRetryAfter(value, NOW), expected, value);
});
