import { nanoseconds, type StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, DUPLICATE_WINDOW_MS, type StreamOptions } from './stream-options.ts';
import { STREAMS } from './subjects.ts';

/** The log: everything accepted, in order, replayable. Full, it refuses: an accepted event is never dropped for a new one. */
export function eventsStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return {
    name: STREAMS.events,
    description: 'Everything that was accepted, in order',
    subjects: ['events.>'],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'new',
    max_age: nanoseconds(30 * DAY_MS),
    max_bytes: maxBytes,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    allow_atomic: true,
  };
}
