import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplaySummary } from '../../lib/store/replays.ts';
import { measure } from './replay-progress.ts';
import { readReplayRequest } from './replay-request.ts';
import { durationText, progressText } from './replay-view.ts';

const NOW = new Date('2026-11-22T12:00:00Z');

test('a sequence alone is in place and as fast as it goes; every other bound makes a slice at a rate', () => {
  const inPlace = readReplayRequest({ actor: 'workflow', fromSeq: '7' }, NOW);
  assert.deepEqual(
    { isInPlace: inPlace.isInPlace, rate: inPlace.rate, asked: inPlace.asked },
    { isInPlace: true, rate: null, asked: { fromSeq: 7 } },
  );
  const slice = readReplayRequest({ actor: 'workflow', fromSeq: '7', toSeq: '9', type: ['order.paid'] }, NOW);
  assert.deepEqual({ isInPlace: slice.isInPlace, rate: slice.rate }, { isInPlace: false, rate: 100 });
  assert.equal(readReplayRequest({ actor: 'workflow', since: '2h', rate: 'none' }, NOW).rate, null);
});

test('what does not fit together is refused with what was expected', () => {
  const refused: [Parameters<typeof readReplayRequest>[0], RegExp][] = [
    [{ fromSeq: '1' }, /--actor: expected/],
    [{ actor: 'workflow' }, /expected what to replay/],
    [{ actor: 'workflow', fromSeq: '0' }, /--from-seq: expected a whole number from 1/],
    [{ actor: 'workflow', fromSeq: '9', toSeq: '7' }, /--to-seq: expected 9 or more/],
    [{ actor: 'workflow', since: '1h', until: '2h' }, /--until: expected a time after/],
    [{ actor: 'workflow', since: '1h', rate: '0' }, /--rate/],
    [{ actor: 'workflow', since: '1h', divertTo: ['#test'] }, /expected --repeat-effects with it/],
    [{ actor: 'workflow', since: '1h', repeatEffects: ['email'], divertTo: ['#test'] }, /expected an address for the effects of email/],
    [{ actor: 'workflow', since: '1h', repeatEffects: ['document'], divertTo: ['#test'] }, /cannot go elsewhere/],
  ];
  for (const [texts, message] of refused) assert.throws(() => readReplayRequest(texts, NOW), message);
});

test('the estimate goes by the speed of late', () => {
  const seen: { at: number; through: number }[] = [];
  const at = (handled: number): ReplaySummary =>
    ({ id: 'r', status: 'running', handled, skipped: 0, total: 1_000, waiting: 0 }) as ReplaySummary;
  assert.equal(measure(at(0), seen, 0).secondsLeft, null);
  measure(at(10), seen, 60_000);
  const { perSecond, secondsLeft } = measure(at(110), seen, 61_000);
  assert.deepEqual([perSecond, secondsLeft], [100, 8.9]);
  assert.equal(progressText(at(110)), '110 of 1000 (11 %)');
  assert.deepEqual([durationText(8.9), durationText(100), durationText(7_000)], ['9 s', '2 min', '2 h']);
});
