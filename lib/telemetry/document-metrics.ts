import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { SLOW_SECONDS } from './metrics.ts';

export type DocumentMetrics = ReturnType<typeof documentMetrics>;

/** The metrics of a processor that renders documents: what holds for all of them is in metrics.ts. */
export function documentMetrics(registry: Registry) {
  const registers = [registry];
  return {
    documents: new Counter({
      name: 'visapi_documents_total',
      help: 'Tries to render a document by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    renderSeconds: new Histogram({
      name: 'visapi_document_render_duration_seconds',
      help: 'From the page to its PDF, the wait for a browser included',
      buckets: SLOW_SECONDS,
      registers,
    }),
    bytes: new Histogram({
      name: 'visapi_document_bytes',
      help: 'Size of rendered documents',
      // From a letter to what an e-mail cannot carry any more.
      buckets: [10_000, 50_000, 200_000, 1_000_000, 5_000_000, 20_000_000],
      registers,
    }),
    browsersEnded: new Counter({
      name: 'visapi_document_browsers_ended_total',
      help: 'Browsers that were ended, by reason',
      labelNames: ['reason'],
      registers,
    }),
    waiting: new Gauge({
      name: 'visapi_document_browser_missing',
      help: '1 while documents wait because there is no browser that starts',
      registers,
    }),
  };
}
