import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Histogram, type Registry } from 'prom-client';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import { createEdgeServer } from '../../lib/http/edge-server.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import { auditMetrics } from '../../lib/telemetry/audit-metrics.ts';
import { logMetrics } from '../../lib/telemetry/log-metrics.ts';
import { rejectedMetrics, journalMetrics, relayMetrics, settingsMetrics } from '../../lib/telemetry/door-metrics.ts';
import { documentMetrics } from '../../lib/telemetry/document-metrics.ts';
import { emailMetrics } from '../../lib/telemetry/email-metrics.ts';
import {
  actorMetrics,
  createRegistry,
  egressMetrics,
  ingestMetrics,
  publisherMetrics,
  watchdogMetric,
} from '../../lib/telemetry/metrics.ts';

/** Which file makes a program register which metrics. */
const REGISTERED_BY = {
  ingestMetrics: ['cmd/ingest/ingest.ts'],
  actorMetrics: ['lib/host/actor-observer.ts'],
  egressMetrics: ['cmd/notifier/main.ts'],
  emailMetrics: ['cmd/notifier/main.ts'],
  auditMetrics: ['cmd/processor/housekeeping.ts'],
  logMetrics: ['cmd/processor/housekeeping.ts'],
  documentMetrics: ['cmd/processor/document/document-work.ts'],
  rejectedMetrics: ['cmd/ingest/start-ingest.ts'],
  journalMetrics: ['cmd/ingest/open-ingest-journal.ts'],
  relayMetrics: ['cmd/ingest/start-ingest.ts'],
  settingsMetrics: ['cmd/ingest/start-ingest.ts'],
  watchdogMetric: ['lib/program/run-program.ts'],
  publisherMetrics: ['cmd/ingest/start-ingest.ts', 'lib/host/actor-host.ts'],
};

/** A metric as a program shows it. */
export interface RegisteredMetric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Everything that the programs register together, by name. @throws where the code that registers it is gone */
export async function registeredMetrics(): Promise<ReadonlyMap<string, RegisteredMetric>> {
  for (const [name, files] of Object.entries(REGISTERED_BY))
    for (const file of files)
      if (!readFileSync(join(projectRoot, file), 'utf8').includes(`${name}(registry)`))
        throw new Error(`expected ${file} to register ${name}`);
  const registry = createRegistry({ program: 'test', version: '0', env: 'development' });
  for (const register of [
    ingestMetrics,
    actorMetrics,
    egressMetrics,
    auditMetrics,
    logMetrics,
    documentMetrics,
    emailMetrics,
    publisherMetrics,
    watchdogMetric,
    rejectedMetrics,
    journalMetrics,
    relayMetrics,
    settingsMetrics,
  ])
    register(registry);
  const { server: edge } = await createEdgeServer({ log: pino({ level: 'silent' }), registry, limits: DEFAULT_EDGE_LIMITS });
  const ops = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    program: 'test',
    version: '0',
    registry,
    readiness: () => Promise.resolve({ ready: true, checks: {} }),
  });
  await edge.ready();
  try {
    return describe(registry);
  } finally {
    await Promise.all([edge.close(), ops.stop()]);
  }
}

function describe(registry: Registry): Map<string, RegisteredMetric> {
  return new Map(
    registry.getMetricsAsArray().map((metric) => {
      const { labelNames = [] } = metric as { labelNames?: readonly string[] };
      const { name } = metric as { name: string };
      return [name, { type: kindOf(metric), labels: labelNames }];
    }),
  );
}

function kindOf(metric: object): string {
  // Our own kinds of histogram are histograms, too.
  return metric instanceof Histogram ? 'histogram' : metric.constructor.name.toLowerCase();
}
