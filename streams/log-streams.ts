import type { StreamConfig } from '../lib/jetstream/stream-config.ts';
import { advisoriesStream } from './advisories.ts';
import { commandsStream } from './commands.ts';
import { configBucketStream } from './config-bucket.ts';
import { deadLettersStream } from './dead-letters.ts';
import { documentsBucketStream } from './documents-bucket.ts';
import { eventsStream } from './events.ts';
import { rejectedStream } from './rejected.ts';
import { DEFAULT_LOG_BYTES, divideLogBytes } from './stream-sizes.ts';

/** All streams of the log, and the buckets with the configuration and with documents. `totalBytes`: what they may use on the disk together. (Default: 12 GiB) `replicas`: 1 or 3. (Default: 1) */
export function logStreams(options: { totalBytes?: number; replicas?: number } = {}): StreamConfig[] {
  const { totalBytes = DEFAULT_LOG_BYTES, replicas = 1 } = options;
  const sizes = divideLogBytes(totalBytes);
  return [
    eventsStream({ maxBytes: sizes.events, replicas }),
    commandsStream({ maxBytes: sizes.commands, replicas }),
    deadLettersStream({ maxBytes: sizes.deadLetters, replicas }),
    advisoriesStream({ maxBytes: sizes.advisories, replicas }),
    rejectedStream({ maxBytes: sizes.rejected, replicas }),
    configBucketStream({ maxBytes: sizes.config, replicas }),
    documentsBucketStream({ maxBytes: sizes.documents, replicas }),
  ];
}
