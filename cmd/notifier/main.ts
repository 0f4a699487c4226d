/** The notifier: tells people. Its actors take commands from the log and reach the outside world through one way out. */
import { createEgress } from '../../lib/egress/egress.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { egressMetrics } from '../../lib/telemetry/metrics.ts';
import { createActors } from './actors.ts';
import { type NotifierConfig, readNotifierConfig } from './config.ts';

await runProgram({ name: 'notifier', readConfig: () => readNotifierConfig(), start });

async function start({ config, log, registry, version }: ProgramContext<NotifierConfig>) {
  const metrics = egressMetrics(registry);
  const egress = createEgress({
    rules: { allow: config.egressAllow, ports: [443] },
    onRefused(because) {
      metrics.blocked.inc({ reason: 'rule' });
      log.warn({ because }, 'request refused before it left');
    },
  });
  const actors = createActors(config, egress, metrics);
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    program: 'notifier',
    version,
    registry,
    readiness: async () => ({
      ready: false,
      checks: Object.fromEntries(actors.map(({ name }) => [name, { ok: false, detail: 'reads no lanes' }])),
    }),
  });
  return {
    async stop() {
      await egress.close();
      await ops.stop();
    },
  };
}
