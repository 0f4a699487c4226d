import { testBrokers } from '../lib/dev/test-brokers.ts';
import type { StreamConfig } from '../lib/jetstream/stream-config.ts';
import { logStreams } from '../streams/log-streams.ts';

/** The least there may be. */
const TOTAL_BYTES = 256 * 1024 ** 2;

/** The log of a test, on as many brokers as the tests run on. */
export function testStreams(totalBytes = TOTAL_BYTES): StreamConfig[] {
  return logStreams({ totalBytes, replicas: testBrokers });
}
