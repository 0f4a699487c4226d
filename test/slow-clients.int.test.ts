import { test } from 'node:test';
import { measureCrowd } from './slow-clients/crowd.ts';

test('beside 500 slow connections and 2,000 idle ones live traffic is answered, and none of them outlives its limit', async (t) => {
  await measureCrowd(t, { tried: 2, counted: 2, seconds: 2.5, isAlone: false });
});
