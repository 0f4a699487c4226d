/** The notifier: tells people. Its actors take commands from the log and reach the outside world through one way out. */
import { createEgress } from '../../lib/egress/egress.ts';
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { egressMetrics } from '../../lib/telemetry/metrics.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { createActors } from './actors.ts';
import { type NotifierConfig, readNotifierConfig } from './config.ts';

await runProgram({ name: 'notifier', readConfig: () => readNotifierConfig(), start });

async function start(context: ProgramContext<NotifierConfig>) {
  const { config, log, registry } = context;
  const metrics = egressMetrics(registry);
  const egress = createEgress({
    rules: { allow: config.egressAllow, ports: [443] },
    onRefused(because) {
      metrics.blocked.inc({ reason: 'rule' });
      log.warn({ because }, 'request refused before it left');
    },
  });
  const program = await startActorProgram(context, {
    name: 'notifier',
    actors: () => createActors(config, egress, metrics),
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
    // A request that takes longer is left as unknown.
    drainMs: 8_000,
  });
  return {
    async stop() {
      await program.stop();
      await egress.close();
    },
  };
}
