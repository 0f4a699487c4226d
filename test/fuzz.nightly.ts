import { test } from 'node:test';
import { fuzzDoor } from './fuzz/fuzz-door.ts';

// 200,000 requests made of the OpenAPI document, good and bad: every answer is one that the document knows. FUZZ_SEED repeats a run.
test('200,000 requests of every kind get documented answers, and a good one is served afterwards', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 0x7fffffff));
  t.diagnostic(`FUZZ_SEED=${seed}`);
  await fuzzDoor(t, 200_000, seed);
});
