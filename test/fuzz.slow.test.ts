import { test } from 'node:test';
import { scaled } from '../lib/dev/test-scale.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { fuzzDoor } from './fuzz/fuzz-door.ts';

const CASES = scaled({ day: 2_000, night: 200_000 });

// Requests made of the OpenAPI document, good and bad: every answer is one that the document knows. VISAPI_SEED repeats a run.
test(`${CASES} requests of every kind get documented answers, and a good one is served afterwards`, async (t) => {
  await fuzzDoor(t, CASES, testSeed);
});
