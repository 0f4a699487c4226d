import assert from 'node:assert/strict';
import test from 'node:test';
import { localTime, parseCount, parseMoment } from './moment.ts';

const NOW = new Date(2026, 10, 22, 12, 30, 0);

test('a moment is a duration, a time of day or RFC 3339', () => {
  const ago = (text: string) => NOW.getTime() - parseMoment('--since', text, NOW).getTime();
  assert.equal(ago('90s'), 90_000);
  assert.equal(ago('2h'), 7_200_000);
  assert.equal(ago('12:00'), 1_800_000);
  assert.equal(ago('12:31'), 86_400_000 - 60_000, 'a time of day that is still to come is that of yesterday');
  assert.equal(parseMoment('--since', '2026-11-22T10:00:00Z').toISOString(), '2026-11-22T10:00:00.000Z');
  for (const wrong of ['', '2', 'yesterday', '24:00', '2026', '-1h', '2026-13-01T00:00'])
    assert.throws(() => parseMoment('--since', wrong, NOW), /--since: expected/);
});

test('a moment is printed with its offset', () => {
  const text = localTime(NOW);
  assert.match(text, /^2026-11-22T12:30:00[+-]\d\d:\d\d$/);
  assert.equal(new Date(text).getTime(), NOW.getTime());
});

test('a count has bounds', () => {
  assert.equal(parseCount('--limit', '50', 1, 100), 50);
  for (const wrong of ['0', '101', '1.5', 'x', '-1'])
    assert.throws(() => parseCount('--limit', wrong, 1, 100), /--limit: expected a whole number from 1 to 100/);
});
