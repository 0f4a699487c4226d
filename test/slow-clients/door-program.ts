import { createJournalAcceptor } from '../../cmd/ingest/journal-acceptor.ts';
import { startIngestServer } from '../../cmd/ingest/ingest.ts';
import { Secret } from '../../lib/core/secret.ts';
import { DEFAULT_EDGE_LIMITS } from '../../lib/http/edge-limits.ts';
import { openJournal } from '../../lib/journal/open-journal.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { createRegistry } from '../../lib/telemetry/metrics.ts';
import { relayMetrics } from '../../lib/telemetry/door-metrics.ts';
import { compileSource, parseSourceDocument } from '../../lib/webhook/source.ts';
import type { DoorJob } from './slow-job.ts';

/** A door in a process of its own: one source, a real journal, its log thrown away. Says its port, and lives as long as the channel. */
process.on('disconnect', () => process.exit());
process.once('message', (job: DoorJob) => void open(job));

async function open({ journalPath, secret, limits }: DoorJob): Promise<void> {
  const registry = createRegistry({ program: 'ingest', version: '0', env: 'development' });
  const source = compileSource(parseSourceDocument({ name: 'github', preset: 'github' }), [{ value: new Secret(secret) }]);
  const journal = await openJournal({ path: journalPath, maxBytes: 1_073_741_824 });
  const server = await startIngestServer({
    host: '127.0.0.1',
    port: 0,
    limits: { ...DEFAULT_EDGE_LIMITS, ...limits },
    settings: {
      findSource: (name) => (name === source.name ? source : undefined),
      isUndecided: () => false,
      keys: { check: () => ({ ok: false, reason: 'unknown' }) },
      state: { kind: 'current' },
    },
    acceptor: createJournalAcceptor({
      journal,
      relay: { whenConfirmed: () => Promise.resolve(true) },
      acceptAfter: 'journal',
      acceptedEarly: relayMetrics(registry).acceptedEarly,
    }),
    rejected: { keep: () => undefined },
    log: createLog({ program: 'ingest', env: 'development', version: '0', level: 'info', destination: { write: () => undefined } }),
    registry,
  });
  process.send?.(Number(new URL(server.url).port));
}
