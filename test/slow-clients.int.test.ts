import { test } from 'node:test';
import { measureCrowd } from './slow-clients/crowd.ts';

test('500 slow connections and 2,000 idle ones cost live traffic less than 2 times its p99, and none outlives its limit', async (t) => {
  await measureCrowd(t, { tried: 4, counted: 3, seconds: 2.5 });
});
