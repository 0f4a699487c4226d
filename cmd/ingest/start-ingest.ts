import { KEY_ENVIRONMENTS } from '../../lib/access/api-key.ts';
import { createBusyShare } from '../../lib/core/busy-share.ts';
import { createSeal } from '../../lib/core/seal.ts';
import { inOrder, createService } from '../../lib/core/service.ts';
import type { Service } from '../../lib/core/service.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import { startOpsServer } from '../../lib/http/ops-server.ts';
import { type BrokerLink, openBrokerLink } from '../../lib/jetstream/broker-link.ts';
import { createKvBucket } from '../../lib/jetstream/kv-bucket.ts';
import { createObjectStore, type ObjectStore } from '../../lib/jetstream/object-store.ts';
import { createRelay } from '../../lib/journal/relay.ts';
import type { ProgramContext } from '../../lib/program/run-program.ts';
import { openSettings, type OpenSettings } from '../../lib/settings/settings.ts';
import { rejectedMetrics, relayMetrics, settingsMetrics } from '../../lib/telemetry/door-metrics.ts';
import { publisherMetrics } from '../../lib/telemetry/metrics.ts';
import { CONFIG_BUCKET } from '../../streams/config-bucket.ts';
import { DOCUMENTS_BUCKET } from '../../streams/documents-bucket.ts';
import { ACCEPT_TIMEOUT_MS, createLogAcceptor } from './acceptor.ts';
import { NO_JOURNAL, NO_SETTINGS_FILE, type IngestConfig } from './config.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { startIngestServer } from './ingest.ts';
import { createJournalAcceptor } from './journal-acceptor.ts';
import { openIngestJournal } from './open-ingest-journal.ts';
import { checkReadiness, checkSettings, type JournalParts } from './readiness.ts';
import { startReadmission } from './rejected-readmission.ts';
import { createRejectedStore } from './rejected-store.ts';

/** A backlog of 10,000 at the default rate; what is left lies in the journal until the next start. Well below `STOP_TIMEOUT_MS`. */
const STOP_RELAY_MS = 5_000;

/** They are kept as far as it costs nothing; a stop does not wait for them longer than for a round trip. */
const STOP_REJECTED_MS = 1_000;

/**
 * Opens the journal, begins to relay, reads the sources, opens the operations server and then the door; the door closes first.
 * With a journal the broker may be away, now and at any time.
 */
export async function startIngest(context: ProgramContext<IngestConfig>): Promise<Service> {
  const { config, log, registry, version } = context;
  const seal = createSeal(config.secretsKey);
  const settings = await openSettings({
    snapshotPath: config.settingsFile === NO_SETTINGS_FILE ? undefined : config.settingsFile,
    seal,
    pepper: config.apiKeyPepper,
    env: KEY_ENVIRONMENTS[config.env],
    log,
    metrics: settingsMetrics(registry),
  });
  const link = await openBrokerLink(config, `ingest ${config.instance}`, log);
  const eventLog = createEventLog(link, publisherMetrics(registry));
  const parts = config.journalPath === NO_JOURNAL ? undefined : await openJournalParts(context, eventLog);
  const keptMetrics = rejectedMetrics(registry);
  const rejected = createRejectedStore({
    broker: eventLog,
    seal,
    metrics: keptMetrics,
    ratePerSecond: config.rejectedRatePerSecond,
    burst: config.rejectedBurst,
    sourceBytesPerDay: config.rejectedSourceBytesPerDay,
  });
  const acceptor = parts?.acceptor ?? createLogAcceptor(eventLog);
  let isDoorOpen = false;

  const broker = createService('broker', async () => () => link.close());
  const publishing = createService('publisher', async () => () => eventLog.stop(ACCEPT_TIMEOUT_MS));
  const relaying = createService('journal and relay', async () => {
    parts?.relay.start();
    return async () => {
      await parts?.relay.stop(STOP_RELAY_MS);
      await parts?.journal.close();
    };
  });
  const keeping = createService('rejected requests', async () => () => rejected.stop(STOP_REJECTED_MS));
  const readmitting = createService('readmission', async () => {
    const readmission = startReadmission({ link, settings, acceptor, seal, metrics: keptMetrics, log });
    return () => readmission.stop();
  });
  const following = createService('settings', async () => followSettings(settings, link));
  const ops = createService('operations server', async () => {
    const readiness = () => checkReadiness({ link, parts, settings: checkSettings(settings), isDoorOpen });
    const server = await startOpsServer({ host: config.opsHost, port: config.opsPort, program: 'ingest', version, registry, readiness });
    log.info({ url: server.url }, 'operations server listens');
    return () => server.stop();
  });
  const door = createService('door', async () => {
    const limits = { ...DEFAULT_EDGE_LIMITS, bodyBytes: config.maxBodyBytes };
    const server = await startIngestServer({
      host: config.host,
      port: config.port,
      fd: givenSocket(config),
      limits,
      senders: {
        trustProxy: config.trustProxy,
        address: { requestsPerSecond: config.addressRequestsPerSecond, exempt: config.addressLimitExempt },
        keyRequestsPerSecond: config.keyRequestsPerSecond,
      },
      settings,
      acceptor,
      rejected,
      documents: config.documentLinkKey && { linkKey: config.documentLinkKey, store: documentStore(link) },
      log,
      registry,
    });
    log.info({ url: server.url, sources: settings.sourceNames }, 'webhooks are taken');
    isDoorOpen = true;
    return async () => {
      isDoorOpen = false;
      await server.stop();
    };
  });
  const all = inOrder('ingest', [broker, publishing, relaying, keeping, readmitting, following, ops, door]);
  await all.start();
  return all;
}

/** The first descriptor behind the three standard ones (sd_listen_fds(3)). */
const FIRST_GIVEN_FD = 3;

function givenSocket({ listenFds, listenPid }: IngestConfig): number | undefined {
  return listenFds !== undefined && (listenPid ?? process.pid) === process.pid ? FIRST_GIVEN_FD : undefined;
}

async function openJournalParts({ config, log, registry }: ProgramContext<IngestConfig>, eventLog: EventLog): Promise<JournalParts> {
  const journal = await openIngestJournal({ config, log, registry });
  const metrics = relayMetrics(registry);
  const relay = createRelay({
    journal,
    log: eventLog,
    metrics,
    logger: log,
    maxPerSecond: config.relayMaxPerSecond,
    busyShare: createBusyShare(),
    // At the end of the loop's turn: the answers are written in it.
    afterAnswers: (relay) => void setImmediate(relay),
  });
  const { acceptAfter } = config;
  return { journal, relay, acceptor: createJournalAcceptor({ journal, relay, acceptAfter, acceptedEarly: metrics.acceptedEarly }) };
}

/** Made with the first connection, which comes back by itself. */
function documentStore(link: BrokerLink): () => ObjectStore | undefined {
  let store: ObjectStore | undefined;
  return () => (store ??= link.connection && createObjectStore(link.connection, DOCUMENTS_BUCKET));
}

/** The bucket is followed from the first connection on; that one comes back by itself. */
function followSettings(settings: OpenSettings, link: BrokerLink): () => Promise<void> {
  const begin = (): void => {
    if (link.connection !== undefined) settings.follow(createKvBucket(link.connection, CONFIG_BUCKET));
  };
  begin();
  const stopListening = link.onChange(begin);
  return async () => {
    stopListening();
    await settings.stop();
  };
}
