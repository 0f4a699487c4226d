import { createEdgeServer } from '../../lib/http/edge-server.ts';
import type { EdgeLimits } from '../../lib/http/edge-limits.ts';
import { addOpenApi } from '../../lib/http/openapi.ts';
import type { AddressLimit } from '../../lib/http/request-limits.ts';
import { logRequest, type RequestLine } from '../../lib/telemetry/canonical-line.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import { ingestMetrics } from '../../lib/telemetry/metrics.ts';
import type { IngestMetrics } from '../../lib/telemetry/metrics.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import type { Registry } from 'prom-client';
import type { Acceptor } from './acceptor.ts';
import { addDocumentsRoute, type DocumentsOptions } from './documents-route.ts';
import { EVENT_SCHEMAS } from './events/events-schema.ts';
import { addEventsRoutes } from './events-route.ts';
import { createHooksLane } from './hooks-lane.ts';
import { addHooksRoute } from './hooks-route.ts';
import type { RejectedStore } from './rejected-store.ts';

export interface IngestServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** A socket to listen on in their place. (Default: there is none) */
  readonly fd?: number | undefined;
  readonly limits: EdgeLimits;
  /** (Default: any number of requests, and nobody's `X-Forwarded-For` is believed) */
  readonly senders?: SenderLimits;
  readonly settings: Pick<Settings, 'findSource' | 'isUndecided' | 'keys' | 'state'>;
  readonly acceptor: Acceptor;
  readonly rejected: Pick<RejectedStore, 'keep'>;
  readonly log: Logger;
  readonly registry: Registry;
  /** (Default: no documents are given out) */
  readonly documents?: Omit<DocumentsOptions, 'now'> | undefined;
  /** (Default: the system's clock) */
  readonly now?: () => number;
}

/** How many requests of one sender are taken, and who says who the sender is. */
export interface SenderLimits {
  readonly trustProxy: readonly string[];
  readonly address: AddressLimit;
  /** 0: any number. */
  readonly keyRequestsPerSecond: number;
}

/** Starts the door. `stop` takes no new connection and waits for the requests that are under way. */
export async function startIngestServer(options: IngestServerOptions): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { host, port, fd, limits, log, registry } = options;
  const now = options.now ?? Date.now;
  const metrics = ingestMetrics(registry);
  const { senders } = options;
  const onRequestEnd = (line: RequestLine) => countRequest(metrics, line);
  const { server, openLane, answerHead } = await createEdgeServer({
    log,
    registry,
    limits,
    ...(senders === undefined ? {} : { trustProxy: senders.trustProxy, addressLimit: senders.address }),
    onRequestEnd,
  });
  await addOpenApi(server, {
    title: 'VisAPI ingest',
    version: '1',
    description: 'Accepts webhooks and events: a 2xx says that they are on the disk. Errors are problem details with a stable code.',
    tags: [
      { name: 'events', description: 'For clients of our own: CloudEvents under an API key.' },
      { name: 'webhooks', description: 'For providers.' },
      { name: 'documents', description: 'For whoever was given a link.' },
      { name: 'about', description: 'This API.' },
    ],
    schemas: EVENT_SCHEMAS,
  });
  const { settings, acceptor, rejected } = options;
  addHooksRoute(server, { settings, acceptor, rejected, metrics, now });
  const onAnswer = (line: RequestLine) => {
    logRequest(log, line);
    onRequestEnd(line);
  };
  openLane(createHooksLane({ settings, acceptor, metrics, registry, answerHead, onAnswer, timeoutMs: limits.handlerTimeoutMs, now }));
  const keyRequestsPerSecond = senders?.keyRequestsPerSecond ?? 0;
  addEventsRoutes(server, { settings, acceptor, metrics, now, keyRequestsPerSecond });
  if (options.documents !== undefined) addDocumentsRoute(server, { ...options.documents, now });
  // Fastify hands this on to Node, whose `listen` knows the descriptor; without the host it would bind addresses of its own.
  const place: { readonly host: string; readonly port?: number; readonly fd?: number } = fd === undefined ? { host, port } : { host, fd };
  const url = await server.listen(place);
  return { url, stop: () => server.close() };
}

/** Only names that we gave ourselves become labels. */
function countRequest(metrics: IngestMetrics, line: RequestLine): void {
  const source = line.source ?? '_unknown';
  metrics.requests.inc({ source, status: line.status });
  if (line.status >= 400) metrics.rejected.inc({ source, reason: line.reason });
}
