import { fastify } from 'fastify';
import fastifyMetrics from 'fastify-metrics';
import promClient from 'prom-client';
import type { Registry } from 'prom-client';
import { readinessMetric } from '../telemetry/metrics.ts';

export interface OpsServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly program: string;
  readonly version: string;
  readonly registry: Registry;
  /** Whether the program can do its job now. A rejection or an answer later than 2 s counts as not ready. */
  readonly readiness: () => Promise<Readiness>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

export interface OpsServer {
  readonly url: string;
  /** May be called twice. Bounded: open connections are cut. */
  stop(): Promise<void>;
}

/** Below the usual 3 to 5 s of a probe, so that a hanging check becomes an answer. */
const READINESS_TIMEOUT_MS = 2_000;

/**
 * A program's operations server: `/livez` (the event loop turns), `/readyz` (503 with the failing checks when it cannot do
 * its job), `/version`, `/metrics` (with the readiness as `visapi_ready`). It has no authentication and listens on the loopback address unless it is told otherwise.
 */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { host, port, program, version, registry } = options;
  const server = fastify({ logger: false, forceCloseConnections: true, requestTimeout: 5_000, connectionTimeout: 10_000 });
  await server.register(fastifyMetrics.default, {
    endpoint: '/metrics',
    // The plugin always serves its client's own registry; this client's own is the program's, so there is only one.
    promClient: { ...promClient, register: registry },
    defaultMetrics: { enabled: false },
    routeMetrics: { enabled: false },
  });
  readinessMetric(registry, async () => (await readinessInTime(options.readiness)).ready);
  server.get('/livez', () => ({ live: true }));
  server.get('/version', () => ({ program, version, node: process.version }));
  server.get('/readyz', async (_request, reply) => {
    const state = await readinessInTime(options.readiness);
    return reply
      .code(state.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(state);
  });
  const url = await server.listen({ host, port });
  return { url, stop: () => server.close() };
}

async function readinessInTime(readiness: OpsServerOptions['readiness']): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Readiness>((resolve) => {
    timer = setTimeout(() => resolve(notReady(`no answer in ${READINESS_TIMEOUT_MS} ms`)), READINESS_TIMEOUT_MS);
  });
  try {
    return await Promise.race([readiness(), late]);
  } catch (error) {
    return notReady(error instanceof Error ? error.name : 'failed');
  } finally {
    clearTimeout(timer);
  }
}

function notReady(detail: string): Readiness {
  return { ready: false, checks: { readiness: { ok: false, detail } } };
}
