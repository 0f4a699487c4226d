import { test } from 'node:test';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { runOutage } from './door-outage/outage-run.ts';

/**
 * By night 300 events a second are watched for 34 s, which are the 10,000 that a 99th percentile needs; what waits after
 * 230 s takes the relay, at 2,000 a second, as long as that.
 */
const OUTAGE = scaled({
  day: { perSecond: 100, normalMs: 500, outageMs: 6_000 },
  night: { perSecond: 300, normalMs: 34_000, outageMs: 230_000 },
});

test('no broker for a while, then no ingest either, costs no event, and the backlog drains beside the live traffic', async (t) => {
  await runOutage(t, { ...OUTAGE, isAlone: isNight });
});
