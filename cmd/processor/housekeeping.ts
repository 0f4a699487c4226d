import type { Registry } from 'prom-client';
import { startContinuousAudit } from '../../lib/host/continuous-audit.ts';
import { startLogWatch } from '../../lib/host/log-watch.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import type { Database } from '../../lib/store/database.ts';
import { auditMetrics } from '../../lib/telemetry/audit-metrics.ts';
import { logMetrics } from '../../lib/telemetry/log-metrics.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import { COMMAND_LOG } from '../../streams/command-log.ts';
import { EVENT_LOG } from '../../streams/event-log.ts';
import { STREAMS } from '../../streams/subjects.ts';

export interface HousekeepingOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: Logger;
  readonly registry: Registry;
}

/** The streams that take nothing more at their limit; the others drop what is oldest. */
const REFUSING_STREAMS = [STREAMS.events, STREAMS.commands, STREAMS.deadLetters];

/** What a processor of workflows does beside them: it accounts for the events, and says how full the log is. */
export function startHousekeeping({ connection, database, log, registry }: HousekeepingOptions): { stop(): Promise<void> } {
  const audit = startContinuousAudit({
    connection,
    database,
    log: EVENT_LOG,
    commands: COMMAND_LOG,
    logger: log,
    metrics: auditMetrics(registry),
  });
  const watch = startLogWatch({ connection, streams: REFUSING_STREAMS, logger: log, metrics: logMetrics(registry) });
  return {
    async stop() {
      watch.stop();
      await audit.stop();
    },
  };
}
