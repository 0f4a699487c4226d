import { bucketStream } from '../lib/jetstream/kv-bucket.ts';
import type { StreamConfig } from '../lib/jetstream/stream-config.ts';
import type { StreamOptions } from './stream-options.ts';

/** The bucket with sources and API keys. */
export const CONFIG_BUCKET = 'config';

/** Sources and API keys, with who changed them. A full bucket refuses a change; it forgets nobody. */
export function configBucketStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return bucketStream({ name: CONFIG_BUCKET, description: 'Sources and API keys', maxBytes, replicas });
}
