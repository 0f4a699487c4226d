import { objectStream } from '../lib/jetstream/object-store.ts';
import type { StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, type StreamOptions } from './stream-options.ts';

/** The bucket with rendered documents. */
export const DOCUMENTS_BUCKET = 'documents';

/** As long as the commands that made them and the dead letters that may still need them. */
const KEPT_DAYS = 90;

/** Rendered documents by their content. A full bucket refuses: the step that renders is tried again later. */
export function documentsBucketStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return objectStream({
    name: DOCUMENTS_BUCKET,
    description: 'Rendered documents',
    maxBytes,
    maxAgeMs: KEPT_DAYS * DAY_MS,
    replicas,
  });
}
