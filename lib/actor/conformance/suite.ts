import { test } from 'node:test';
import type { OpenBench, Property } from './bench.ts';
import { describeCrashes } from './crashes.ts';
import { describeEffects } from './effects.ts';
import { describeFailures } from './failures.ts';
import { describeOrder } from './order.ts';
import { describeRedelivery } from './redelivery.ts';
import { describeReplays } from './replays.ts';
import { describeSharing } from './sharing.ts';
import { describeStates } from './states.ts';
import { describeTakeOver } from './take-over.ts';
import { describeTimers } from './timers.ts';

/**
 * What every broker and record under the runtime must make true, as named properties. The same suite runs against the
 * simulated ones and against a real nats-server with a real PostgreSQL.
 */
export function describeConformance(kind: string, open: OpenBench): void {
  const property: Property = (name, run) => void test(`${kind}: ${name}`, async (t) => await run(await open(t), t));
  for (const describe of [
    describeOrder,
    describeFailures,
    describeEffects,
    describeTakeOver,
    describeSharing,
    describeCrashes,
    describeRedelivery,
    describeReplays,
    describeTimers,
    describeStates,
  ])
    describe(property);
}
