import { test } from 'node:test';
import { runOutage } from './door-outage/outage-run.ts';

/** At 300 events a second this is 10,000 of them, which a 99th percentile needs. */
const WATCHED_MS = 34_000;
/** What waits after it takes the relay, at 2,000 a second, as long as that. */
const OUTAGE_MS = 230_000;

test('after four minutes without a broker the backlog drains beside the live traffic, seen over 10,000 requests', async (t) => {
  await runOutage(t, { normalMs: WATCHED_MS, outageMs: OUTAGE_MS, isAlone: true });
});
