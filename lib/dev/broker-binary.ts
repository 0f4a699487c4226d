import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { extractDebianPackage } from './broker-debian.ts';
import { buildWithGo } from './broker-go.ts';
import { downloadRelease } from './broker-release.ts';
import type { BinarySearch } from './broker-search.ts';

const run = promisify(execFile);

/** Consumer reset, message schedules and atomic batches work from this version on. */
export const oldestBroker = '2.14.3';

interface BinarySource {
  readonly name: string;
  /** Paths worth a look; empty where this place has nothing to offer on this machine. */
  readonly candidates: (search: BinarySearch) => string[] | Promise<string[]>;
}

/** Where the broker may come from, in the order in which it is looked for. Only the last three use the network. */
const sources: readonly BinarySource[] = [
  { name: 'VISAPI_NATS_SERVER', candidates: () => (process.env['VISAPI_NATS_SERVER'] ? [process.env['VISAPI_NATS_SERVER']] : []) },
  { name: 'PATH', candidates: () => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'nats-server')) },
  {
    name: 'the cache',
    candidates: ({ cache }) => ['release', 'debian/usr/sbin', 'go'].map((at) => join(cache, 'nats-server', at, 'nats-server')),
  },
  { name: 'the official release', candidates: downloadRelease },
  { name: "Debian's package pool (sid)", candidates: extractDebianPackage },
  { name: 'go install', candidates: buildWithGo },
];

/**
 * Finds a nats-server that is new enough, fetching one into the cache when the machine has none.
 * @throws Error one sentence that says what to install, with what was tried as its cause
 */
export async function findBrokerBinary(search: BinarySearch): Promise<string> {
  const refusals: string[] = [];
  for (const source of sources) {
    try {
      for (const path of await source.candidates(search)) {
        if (!existsSync(path)) continue;
        const version = await brokerVersion(path);
        if (isAtLeast(version, oldestBroker)) return path;
        refusals.push(`${source.name}: ${path} is ${version}`);
      }
    } catch (error) {
      const refusal = `${source.name}: ${oneLine(error)}`;
      refusals.push(refusal);
      if (source !== sources.at(-1)) search.say(`${refusal}; looking in the next place`);
    }
  }
  throw new Error(`Install nats-server ${oldestBroker} or newer and put it on PATH, or set VISAPI_NATS_SERVER to its path.`, {
    cause: refusals.join('; '),
  });
}

/** The reason of a failed download is in the cause of fetch's error; a program's error has all that it printed. */
function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.cause === undefined ? error.message : `${error.message} (${oneLine(error.cause)})`;
  return text.replaceAll(/\s+/g, ' ').slice(0, 300).trim();
}

/** The version that a binary says it has, as "2.15.1". */
export async function brokerVersion(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (!version) throw new Error(`expected a version from ${path} --version, got ${JSON.stringify(stdout)}`);
  return version;
}

/** Compares dotted versions number by number: 2.15.0 is at least 2.9.10. */
export function isAtLeast(version: string, floor: string): boolean {
  const have = version.split('.').map(Number);
  const need = floor.split('.').map(Number);
  for (const [at, wanted] of need.entries()) {
    const got = have[at] ?? 0;
    if (got !== wanted) return got > wanted;
  }
  return true;
}
