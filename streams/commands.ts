import { nanoseconds, type StreamConfig } from '../lib/jetstream/stream-config.ts';
import { DAY_MS, DUPLICATE_WINDOW_MS, type StreamOptions } from './stream-options.ts';
import { STREAMS } from './subjects.ts';

/** Work that one actor asks of another, and the results of steps. Kept as long as a dead letter may want its original. */
export function commandsStream({ maxBytes, replicas = 1 }: StreamOptions): StreamConfig {
  return {
    name: STREAMS.commands,
    description: 'Commands to actors, and the results of steps',
    subjects: ['commands.>'],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    discard: 'new',
    max_age: nanoseconds(90 * DAY_MS),
    max_bytes: maxBytes,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    allow_atomic: true,
  };
}
