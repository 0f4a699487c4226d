import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawTimeline } from './timeline.ts';
import { renderTimeline } from './timeline-svg.ts';

const ok = (endedAt: number, latencyMs: number) => ({ sentAt: endedAt - latencyMs, endedAt, latencyMs, end: 'ok' as const });

const timeline = drawTimeline({
  sent: [{ key: 'k', number: 0, delivery: 'k-0', invokedAt: 100, okAt: 110, end: 'ok', mayEnd: ['done'] }],
  tries: [ok(110, 10), ok(900, 30), ok(950, 20), { sentAt: 0, endedAt: 2_500, end: 'unknown', latencyMs: 2_500 }],
  messages: [{ at: new Date(1_000_000 + 1_300).toISOString(), text: 'octo/k k-0' }],
  bands: [{ label: 'kill <ingest>', fromMs: 400.4, toMs: 1_200.6 }],
  loadBegan: 1_000_000,
});

test('what happened is counted in the second in which it ended', () => {
  assert.deepEqual(
    timeline.seconds.map(({ acknowledged, bad, arrived }) => [acknowledged, bad, arrived]),
    [
      [3, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ],
  );
  assert.deepEqual(timeline.seconds[0]?.answerMs, { median: 20, longest: 30 });
  assert.deepEqual(timeline.seconds[1]?.arrivalMs, { median: 1_200, longest: 1_200 });
  assert.equal(timeline.seconds[2]?.answerMs, null);
  assert.deepEqual(timeline.bands, [{ label: 'kill <ingest>', fromMs: 400, toMs: 1_201 }]);
});

test('the plot has a band for each fault, and nothing in it is markup by accident', () => {
  const svg = renderTimeline(timeline);
  assert.match(svg, /<rect [^>]*><title>kill &lt;ingest&gt;, 0\.4 to 1\.2 s<\/title>/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity|https?:/);
  assert.doesNotMatch(renderTimeline({ seconds: [], bands: [] }), /NaN|undefined|Infinity/);
});
