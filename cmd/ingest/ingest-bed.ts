import { createHmac } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { BrokerPort, PublishAck } from '../../lib/actor/broker-port.ts';
import type { Emit } from '../../lib/actor/message.ts';
import { Secret } from '../../lib/core/secret.ts';
import type { TestSource } from '../../lib/dev/test-settings.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import type { EdgeLimits } from '../../lib/http/edge-limits.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { createRegistry } from '../../lib/telemetry/metrics.ts';
import { compileSource, parseSourceDocument } from '../../lib/webhook/source.ts';
import type { Source } from '../../lib/webhook/source.ts';
import { createLogAcceptor, type Acceptor } from './acceptor.ts';
import { testKeyRing } from './events/test-keys.ts';
import { type IngestServerOptions, startIngestServer, type SenderLimits } from './ingest.ts';
import type { Refused } from './rejected-store.ts';

/** What the tests of the door share: a server on a port of its own, its log as text, and a signing sender. */
export const SECRET = 'a secret for tests';

export interface IngestBedOptions {
  readonly broker?: Pick<BrokerPort, 'publish'>;
  /** (Default: one by the broker) */
  readonly acceptor?: Acceptor;
  /** (Default: the test's ring) */
  readonly keys?: Pick<Settings, 'keys' | 'state'>;
  /** (Default: trace) */
  readonly logLevel?: string;
  readonly limits?: Partial<EdgeLimits>;
  readonly senders?: SenderLimits;
  /** (Default: none are given out) */
  readonly documents?: IngestServerOptions['documents'];
  readonly now?: () => number;
  /** (Default: `github` with `SECRET`) */
  readonly sources?: readonly TestSource[];
}

export async function openIngestBed(t: TestContext, options: IngestBedOptions = {}) {
  const lines: string[] = [];
  const published: Emit[] = [];
  const refused: Refused[] = [];
  const log = createLog({
    program: 'ingest',
    env: 'development',
    version: '0',
    level: options.logLevel ?? 'trace',
    destination: { write: (line) => void lines.push(line) },
  });
  const registry = createRegistry({ program: 'ingest', version: '0', env: 'development' });
  const sources = compileSources(options.sources ?? [{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }]);
  const recording = {
    publish(emit: Emit): Promise<PublishAck> {
      const duplicate = published.some(({ id }) => id === emit.id);
      published.push(emit);
      return Promise.resolve({ seq: published.length, duplicate });
    },
  };
  const server = await startIngestServer({
    host: '127.0.0.1',
    port: 0,
    limits: { ...DEFAULT_EDGE_LIMITS, ...options.limits },
    ...(options.senders === undefined ? {} : { senders: options.senders }),
    documents: options.documents,
    settings: {
      findSource: (name) => sources.get(name),
      isUndecided: () => false,
      ...(options.keys ?? { keys: testKeyRing(), state: { kind: 'current' } }),
    },
    acceptor: options.acceptor ?? createLogAcceptor(options.broker ?? recording),
    rejected: { keep: (request) => void refused.push(request) },
    log,
    registry,
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  t.after(() => server.stop());
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    lines,
    published,
    refused,
    registry,
    /** The canonical lines so far. */
    requests: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'request'),
  };
}

function compileSources(list: readonly TestSource[]): ReadonlyMap<string, Source> {
  const compiled = list.map(({ secrets, ...document }) =>
    compileSource(
      parseSourceDocument(document),
      secrets.map(({ value }) => ({ value: new Secret(value) })),
    ),
  );
  return new Map(compiled.map((source) => [source.name, source]));
}

export function githubSignature(body: string | Uint8Array, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

export function githubHeaders(body: string | Uint8Array, id: string, event = 'release'): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature-256': githubSignature(body),
  };
}

/** Posts and reads the answer. */
export async function post(url: string, body: string | Uint8Array, headers: Record<string, string>, path = '/hooks/github') {
  const response = await fetch(url + path, { method: 'POST', body: typeof body === 'string' ? body : Buffer.from(body), headers });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (text === '' ? undefined : JSON.parse(text)) as Record<string, unknown>,
  };
}
