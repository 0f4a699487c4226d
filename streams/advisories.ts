import { nanoseconds, type StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, DUPLICATE_WINDOW_MS, type StreamOptions } from './stream-options.ts';
import { STREAMS } from './subjects.ts';

/**
 * Our own advisories, confirmed, and the server's about consumers (best effort: they are lost while no
 * leader listens). A witness: when it is full the oldest go, so that it can never hold up what it reports on.
 */
export function advisoriesStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return {
    name: STREAMS.advisories,
    description: 'Advisories: ours, and those of the server about consumers',
    subjects: ['advisory.>', '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>', '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>'],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'old',
    max_age: nanoseconds(90 * DAY_MS),
    max_bytes: maxBytes,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
    allow_direct: true,
  };
}
