import { test } from 'node:test';
import { runOutage } from './door-outage/outage-run.ts';

test('a minute without broker, then without database, then without ingest costs no event, and the backlog drains beside the live traffic', async (t) => {
  await runOutage(t, { normalMs: 10_000, outageMs: 60_000, isAlone: false });
});
