/** The notifier: tells people. Its actors take commands from the log and reach the outside world through one way out. */
import { createEgress } from '../../lib/egress/egress.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { egressMetrics } from '../../lib/telemetry/metrics.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { createActors } from './actors.ts';
import { type NotifierConfig, readNotifierConfig } from './config.ts';

/** Twice this and a little stays below the program's own limit of 20 s; a request that takes longer is left as unknown. */
const DRAIN_MS = 8_000;

await runProgram({ name: 'notifier', readConfig: () => readNotifierConfig(), start });

async function start({ config, log, registry, version }: ProgramContext<NotifierConfig>) {
  const { natsUrl, natsUser, natsPassword, databaseUrl, instance, opsHost, opsPort } = config;
  const connection = await connectBroker({
    url: natsUrl.reveal(),
    name: `notifier ${instance}`,
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPassword === undefined ? {} : { password: natsPassword.reveal() }),
  });
  const database = await openDatabase({ url: databaseUrl.reveal(), applicationName: `notifier ${instance}` });
  const metrics = egressMetrics(registry);
  const egress = createEgress({
    rules: { allow: config.egressAllow, ports: [443] },
    onRefused(because) {
      metrics.blocked.inc({ reason: 'rule' });
      log.warn({ because }, 'request refused before it left');
    },
  });
  const host = startActorHost({
    instance,
    connection,
    database,
    log,
    registry,
    actors: createActors(config, egress, metrics),
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
  });
  const ops = await startOpsServer({
    host: opsHost,
    port: opsPort,
    program: 'notifier',
    version,
    registry,
    readiness: () => host.readiness(),
  });
  return {
    async stop() {
      await host.stop(DRAIN_MS);
      await Promise.all([egress.close(), connection.close(), database.close(), ops.stop()]);
    },
  };
}
