import { randomBytes } from 'node:crypto';
import { createSeal } from '../../lib/core/seal.ts';
import { Secret } from '../../lib/core/secret.ts';
import { inOrder, createService } from '../../lib/core/service.ts';
import type { Service } from '../../lib/core/service.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-server.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import type { Readiness } from '../../lib/http/ops-server.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { measurePublisher } from '../../lib/jetstream/measured-publisher.ts';
import { openBroker } from '../../lib/jetstream/open-broker.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import type { ProgramContext } from '../../lib/program/run-program.ts';
import { publisherMetrics, rejectedMetrics } from '../../lib/telemetry/metrics.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { ACCEPT_TIMEOUT_MS } from './acceptor.ts';
import type { IngestConfig } from './config.ts';
import { startIngestServer } from './ingest.ts';
import { createRejectedStore } from './rejected-store.ts';
import { openSourceFile } from './source-file.ts';
import type { SourceFile } from './source-file.ts';

/** Shorter than a probe's patience. */
const CHECK_TIMEOUT_MS = 1_000;

/** They are kept as far as it costs nothing; a stop does not wait for them longer than for a round trip. */
const STOP_REJECTED_MS = 1_000;

/** Connects to the broker, reads the sources, opens the operations server and then the door; the door closes first. */
export async function startIngest(context: ProgramContext<IngestConfig>): Promise<Service> {
  const { config, log, registry, version } = context;
  const sources = await openSourceFile(config.sourcesFile, log);
  const connection = await openBroker(config, `ingest ${config.instance}`, log);
  const publisher = measurePublisher(createPublisher(connection), publisherMetrics(registry));
  // Kept requests open only in this process until the key is configured.
  const seal = createSeal(new Secret(randomBytes(32).toString('base64')));
  const rejected = createRejectedStore({
    broker: publisher,
    seal,
    metrics: rejectedMetrics(registry),
    ratePerSecond: config.rejectedRatePerSecond,
    burst: config.rejectedBurst,
  });
  const onHangUp = () => void sources.reload();

  const broker = createService('broker', async () => () => connection.close());
  const publishing = createService('publisher', async () => () => publisher.stop(ACCEPT_TIMEOUT_MS));
  const keeping = createService('rejected requests', async () => () => rejected.stop(STOP_REJECTED_MS));
  const sourceFile = createService('sources', async () => {
    process.on('SIGHUP', onHangUp);
    return async () => {
      process.off('SIGHUP', onHangUp);
      sources.stop();
    };
  });
  const ops = createService('operations server', async () => {
    const readiness = () => checkReadiness(connection, sources);
    const server = await startOpsServer({ host: config.opsHost, port: config.opsPort, program: 'ingest', version, registry, readiness });
    log.info({ url: server.url }, 'operations server listens');
    return () => server.stop();
  });
  const door = createService('door', async () => {
    const limits = { ...DEFAULT_EDGE_LIMITS, bodyBytes: config.maxBodyBytes };
    const server = await startIngestServer({
      host: config.host,
      port: config.port,
      limits,
      sources,
      broker: publisher,
      rejected,
      log,
      registry,
    });
    log.info({ url: server.url, sources: sources.names }, 'webhooks are taken');
    return () => server.stop();
  });
  const all = inOrder('ingest', [broker, publishing, keeping, sourceFile, ops, door]);
  await all.start();
  return all;
}

/** Ready: an event that came now would be stored. */
async function checkReadiness(connection: BrokerConnection, sources: SourceFile): Promise<Readiness> {
  const broker = connection.isConnected() ? { ok: true } : { ok: false, detail: 'not connected' };
  const events = await requestApi(connection, `$JS.API.STREAM.INFO.${STREAMS.events}`, undefined, CHECK_TIMEOUT_MS).then(
    () => ({ ok: true }),
    () => ({ ok: false, detail: `the stream ${STREAMS.events} does not answer` }),
  );
  // Known sources still work: this is told, and does not close the door.
  const known = { ok: true, ...(sources.staleBecause === undefined ? {} : { detail: sources.staleBecause }) };
  return { ready: broker.ok && events.ok, checks: { broker, events, sources: known } };
}
