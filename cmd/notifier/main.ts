/** The notifier: tells people. Its actors take commands from the log and reach the outside world through one way out. */
import { createDial } from '../../lib/egress/dial.ts';
import { createEgress } from '../../lib/egress/egress.ts';
import { createObjectStore } from '../../lib/jetstream/object-store.ts';
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { emailMetrics } from '../../lib/telemetry/email-metrics.ts';
import { egressMetrics } from '../../lib/telemetry/metrics.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { DOCUMENTS_BUCKET } from '../../streams/documents-bucket.ts';
import { createActors } from './actors.ts';
import { type NotifierConfig, readNotifierConfig } from './config.ts';

/** Submission (RFC 8314 3.3, RFC 6409). Port 25 is for servers among themselves, and what is sent there may be read on the way. */
const MAIL_PORTS = [465, 587];

await runProgram({ name: 'notifier', logsByTurn: true, readConfig: () => readNotifierConfig(), start });

async function start(context: ProgramContext<NotifierConfig>) {
  const { config, log, registry } = context;
  const metrics = egressMetrics(registry);
  const { failures: emailFailures } = emailMetrics(registry);
  const onRefused = (because: string): void => {
    metrics.blocked.inc({ reason: 'rule' });
    log.warn({ because }, 'request refused before it left');
  };
  const egress = createEgress({ rules: { allow: config.egressAllow, ports: [443] }, onRefused });
  const dial = createDial({ rules: { allow: config.egressAllow, ports: MAIL_PORTS }, onRefused });
  const program = await startActorProgram(context, {
    name: 'notifier',
    actors: ({ connection }) =>
      createActors(config, { egress, dial, documents: createObjectStore(connection, DOCUMENTS_BUCKET), metrics, emailFailures }),
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
    // A request that takes longer is left as unknown, and a mail that is not handed over by then as not sent.
    drainMs: 8_000,
  });
  return {
    async stop() {
      await program.stop();
      await egress.close();
    },
  };
}
