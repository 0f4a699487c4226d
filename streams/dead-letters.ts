import { nanoseconds, type StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, DUPLICATE_WINDOW_MS, type StreamOptions } from './stream-options.ts';
import { STREAMS } from './subjects.ts';

/** Full copies of what actors gave up, so that a dead letter outlives the log. */
export function deadLettersStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return {
    name: STREAMS.deadLetters,
    description: 'Full copies of messages that an actor gave up',
    subjects: ['dead.>'],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'new',
    max_age: nanoseconds(90 * DAY_MS),
    max_bytes: maxBytes,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
    allow_direct: true,
  };
}
