import { test } from 'node:test';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { measureCrowd } from './slow-clients/crowd.ts';

/** By night 34 s at 300 a second, which are the 10,000 requests that a 99th percentile needs. */
const ROUNDS = scaled({
  day: { tried: 1, counted: 1, seconds: 1.5, slow: 100, idle: 400 },
  night: { tried: 9, counted: 5, seconds: 34, slow: 500, idle: 2_000 },
});

test(`beside ${ROUNDS.slow} slow connections and ${ROUNDS.idle} idle ones live traffic is answered, and none of them outlives its limit`, async (t) => {
  await measureCrowd(t, { ...ROUNDS, isAlone: isNight });
});
