import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadlines } from './deadlines.ts';
import { patience } from '../dev/test-scale.ts';

const late = () => new Error('too late');

test('what settles in time settles as it did, and what does not is given up within its limit', async () => {
  const deadlines = createDeadlines(200);
  const began = performance.now();
  const never = deadlines.race(new Promise<never>(() => undefined), late);
  assert.equal(await deadlines.race(Promise.resolve(7), late), 7);
  await assert.rejects(deadlines.race(Promise.reject(new Error('its own')), late), /its own/);
  await assert.rejects(never, /too late/);
  const waitedMs = performance.now() - began;
  assert.ok(waitedMs >= 185 && waitedMs < patience(400), `given up after ${waitedMs} ms`);
});
