import { nanoseconds, type StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, DUPLICATE_WINDOW_MS, type StreamOptions } from './stream-options.ts';
import { STREAMS } from './subjects.ts';

/**
 * Requests that could not be verified, whole, so that a wrong secret costs a readmission and not the events. Anybody can
 * make it grow: the oldest go, and it never takes what the log needs. Readmitted ones are removed. Two weeks are longer
 * than a holiday with a wrong secret, and short enough for what may be anybody's data.
 */
export function rejectedStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return {
    name: STREAMS.rejected,
    description: 'Requests that could not be verified, whole, for a readmission',
    subjects: ['rejected.>'],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'old',
    max_age: nanoseconds(14 * DAY_MS),
    max_bytes: maxBytes,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    allow_atomic: true,
  };
}
