import { Registry } from 'prom-client';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { done } from '../../lib/actor/verdict.ts';
import { poll } from '../../lib/dev/poll.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import type { Database } from '../../lib/store/database.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import { DEAD_LETTER_SUBJECTS } from '../../streams/actor-lanes.ts';
import { benchLane, PARTITIONS } from './bench-lanes.ts';

/** What one process reads with. */
export interface Reading {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: Logger;
  /** A name that no round had before. */
  readonly reader: string;
  /** Messages that there are. */
  readonly count: number;
}

/**
 * The actor runtime as a program runs it: mailboxes by key, one canonical log line and the metrics of each message, its outcome
 * settled in PostgreSQL and acknowledged only then. Seconds from the first handler to the last settlement.
 */
export async function runKeyedDispatch({ connection, database, log, reader, count }: Reading): Promise<number> {
  let handled = 0;
  let begunAt = 0;
  const allHandled = Promise.withResolvers<void>();
  const actor = defineActor<unknown>({
    name: reader,
    partitions: PARTITIONS,
    start: 'beginning',
    input: ({ body }) => JSON.parse(Buffer.from(body).toString()) as unknown,
    retry: { attempts: 3, delayMs: () => 1_000 },
    timeoutMs: 10_000,
    receive() {
      if (handled === 0) begunAt = performance.now();
      handled += 1;
      if (handled === count) allHandled.resolve();
      return Promise.resolve(done());
    },
  });
  const registry = new Registry();
  const host = startActorHost({
    instance: reader,
    actors: [actor as ActorDefinition],
    connection,
    database,
    log,
    registry,
    lanesOf: (_definition, partition) => [benchLane(reader, partition)],
    subjects: DEAD_LETTER_SUBJECTS,
  });
  try {
    await allHandled.promise;
    // Each unit has settled once more than its messages: where its new lane begins.
    const isSettled = async (): Promise<true | undefined> => ((await settlements(registry)) >= count + PARTITIONS ? true : undefined);
    await poll(isSettled, { deadlineMs: 30_000, everyMs: 2, what: `${count} messages settled` });
    const seconds = (performance.now() - begunAt) / 1_000;
    if (handled !== count) throw new Error(`expected ${count} messages handled once, got ${handled}`);
    return seconds;
  } finally {
    await host.stop(1_000);
  }
}

async function settlements(registry: Registry): Promise<number> {
  const { values } = (await registry.getSingleMetric('visapi_settle_batch_size')?.get()) ?? { values: [] };
  return values.find((value) => 'metricName' in value && value.metricName === 'visapi_settle_batch_size_sum')?.value ?? 0;
}
