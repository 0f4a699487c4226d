import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySearch } from './broker-search.ts';

const run = promisify(execFile);

/** Go's checksum database pins the content of a version. */
const goModule = 'github.com/nats-io/nats-server/v2@v2.15.1';

/** A cold build compiles some 200 packages: about 2 minutes on two cores. */
const buildTimeoutMs = 600_000;

/**
 * Builds the pinned version where Go is installed.
 * @throws Error when there is no Go, or when the build fails
 */
export async function buildWithGo({ cache, say }: BinarySearch): Promise<string[]> {
  await run('go', ['version']);
  say(`building ${goModule} with go install; this takes some minutes`);
  const target = join(cache, 'nats-server', 'go');
  await run('go', ['install', goModule], { timeout: buildTimeoutMs, env: { ...process.env, GOBIN: target, CGO_ENABLED: '0' } });
  return [join(target, 'nats-server')];
}
