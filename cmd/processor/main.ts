/** The processor: opens a run for every event that a workflow wants, and takes runs from step to step. */
import { systemClock } from '../../lib/core/clock.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { createRunReader } from '../../lib/store/run-reader.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { type ProcessorConfig, readProcessorConfig } from './config.ts';
import { createWorkflowActor } from './workflow-actor.ts';

/** Turns take milliseconds; what is not through by then is left to the next owner. */
const DRAIN_MS = 5_000;

await runProgram({ name: 'processor', readConfig: () => readProcessorConfig(), start });

async function start({ config, log, registry, version }: ProgramContext<ProcessorConfig>) {
  const { natsUrl, natsUser, natsPassword, databaseUrl, instance, opsHost, opsPort } = config;
  const connection = await connectBroker({
    url: natsUrl.reveal(),
    name: `processor ${instance}`,
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPassword === undefined ? {} : { password: natsPassword.reveal() }),
  });
  const database = await openDatabase({ url: databaseUrl.reveal(), applicationName: `processor ${instance}` });
  const workflow = createWorkflowActor({
    reader: createRunReader(database),
    readMessage: (stream, seq) => readStored(connection, stream, seq),
    clock: systemClock,
    log,
  });
  const host = startActorHost({
    instance,
    connection,
    database,
    log,
    registry,
    actors: [workflow],
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
  });
  const ops = await startOpsServer({
    host: opsHost,
    port: opsPort,
    program: 'processor',
    version,
    registry,
    readiness: () => host.readiness(),
  });
  return {
    async stop() {
      await host.stop(DRAIN_MS);
      await Promise.all([connection.close(), database.close(), ops.stop()]);
    },
  };
}
