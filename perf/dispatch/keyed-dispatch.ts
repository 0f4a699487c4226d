import { Registry } from 'prom-client';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { done } from '../../lib/actor/verdict.ts';
import { poll } from '../../lib/dev/poll.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import { DEAD_LETTER_SUBJECTS } from '../../streams/actor-lanes.ts';
import { benchLane, PARTITIONS } from './bench-lanes.ts';
import { type DispatchReader, epochMs, type Reading } from './dispatch-reader.ts';

/** Longer than the log takes to be filled while the handlers wait to be let go. */
const HANDLER_MS = 120_000;
/** Processes that have just come are handed nothing for a while. */
const PLACED_WITHIN_MS = 60_000;

/**
 * The actor runtime as a program runs it: mailboxes by key, one canonical log line and the metrics of each message, its outcome
 * settled in PostgreSQL and acknowledged only then. Several processes share the partitions as they do in an installation.
 */
export async function openKeyedDispatch(reading: Reading): Promise<DispatchReader> {
  const { connection, database, log, reader, addressee, index, processes } = reading;
  const gate = Promise.withResolvers<void>();
  let handled = 0;
  let begunAt: number | undefined;
  const actor = defineActor<unknown>({
    name: reader,
    partitions: PARTITIONS,
    start: 'beginning',
    input: ({ body }) => JSON.parse(Buffer.from(body).toString()) as unknown,
    retry: { attempts: 3, delayMs: () => 1_000 },
    timeoutMs: HANDLER_MS,
    async receive() {
      await gate.promise;
      begunAt ??= epochMs();
      handled += 1;
      return done();
    },
  });
  const registry = new Registry();
  const host = startActorHost({
    instance: `${reader}-${index}`,
    actors: [actor as ActorDefinition],
    connection,
    database,
    log,
    registry,
    lanesOf: (_definition, partition) => [benchLane(reader, addressee, partition)],
    subjects: DEAD_LETTER_SUBJECTS,
  });
  const isPlaced = (): Promise<true | undefined> => {
    const { units, openUnits } = host.runtime.status();
    return Promise.resolve(units === PARTITIONS / processes && openUnits === units ? true : undefined);
  };
  try {
    await poll(isPlaced, {
      deadlineMs: PLACED_WITHIN_MS,
      what: `${PARTITIONS / processes} partitions in process ${index + 1} of ${processes}`,
    });
  } catch (error) {
    await host.stop(1_000);
    throw error;
  }
  // A unit has settled once already: where its new lane begins.
  const before = await settlements(registry);
  return {
    go: () => gate.resolve(),
    progress: async () => ({ begunAt, handled, ended: (await settlements(registry)) - before }),
    stop: () => host.stop(1_000),
  };
}

async function settlements(registry: Registry): Promise<number> {
  const { values } = (await registry.getSingleMetric('visapi_settle_batch_size')?.get()) ?? { values: [] };
  return values.find((value) => 'metricName' in value && value.metricName === 'visapi_settle_batch_size_sum')?.value ?? 0;
}
