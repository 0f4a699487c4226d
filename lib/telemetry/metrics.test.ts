import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { actorMetrics, egressMetrics, ingestMetrics, publisherMetrics } from './metrics.ts';

const root = new URL('../../', import.meta.url).pathname;

test('every declared metric is recorded somewhere', () => {
  const files = globSync('{lib,cmd}/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  const source = files.map((file) => readFileSync(root + file, 'utf8')).join('\n');
  const rooms = [ingestMetrics, actorMetrics, publisherMetrics, egressMetrics].map((declare) => declare(new Registry()));
  const names = rooms.flatMap((room) => Object.keys(room));
  const silent = names.filter((name) => !new RegExp(String.raw`\bmetrics\.${name}\.(inc|dec|set|observe|tally|startTimer)\(`).test(source));
  assert.deepEqual(silent, []);
});
