import { AppError } from '../core/app-error.ts';
import { isBroken } from '../core/guards.ts';
import type { BrokerConnection } from './connection.ts';
import { readJson } from './read-json.ts';

export interface BrokerCheckOptions {
  /** The monitoring address of the broker, `http://host:port`; of a cluster all of them, separated by commas. */
  readonly monitorUrl?: string | undefined;
  /** Say what is wrong, and go on. */
  readonly allowUnsafe: boolean;
}

export interface BrokerReport {
  readonly version: string;
  /** What the broker may store, bytes; undefined where its monitoring does not answer. */
  readonly storageBytes: number | undefined;
  /** What is not safe, in sentences; empty where all is well. */
  readonly problems: readonly string[];
}

/** 2.14.3 mends the holes of 2026 and has the consumer reset that a take-over needs. */
const MIN_VERSION = [2, 14, 3] as const;
const MONITOR_TIMEOUT_MS = 3_000;

interface Varz {
  readonly server_id: string;
  readonly server_name?: string;
  readonly version?: string;
  readonly jetstream?: { readonly config?: { readonly sync_always?: boolean; readonly max_storage?: number } };
}

/**
 * Whether the broker keeps what it confirms: its version, and that it fsyncs before it confirms (`sync_interval: always`).
 * A client without the system account cannot ask for the second: it is read from the broker's monitoring, and that it is
 * the same server is told by its id. What cannot be read counts as unsafe, but for less than half of a cluster.
 * @throws AppError `unsafe_broker` with all problems, unless `allowUnsafe`
 */
export async function checkBroker(connection: BrokerConnection, options: BrokerCheckOptions): Promise<BrokerReport> {
  const { server_id: serverId = '', version = '' } = connection.nats.info ?? {};
  const problems: string[] = [];
  if (!isAtLeast(version, MIN_VERSION))
    problems.push(`expected nats-server ${MIN_VERSION.join('.')} or newer, got ${version || 'no version'}`);

  const urls = (options.monitorUrl ?? '')
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  const monitors = await Promise.all(urls.map(async (url) => ({ url, answer: await readVarz(url) })));
  if (urls.length === 0)
    problems.push('cannot see whether the broker fsyncs before it confirms: set NATS_MONITOR_URL to its monitoring address');
  // What is confirmed is on a majority: a cluster goes on without the others, and so does who starts then.
  const isMajority = monitors.filter(({ answer }) => typeof answer !== 'string').length * 2 > urls.length;
  for (const { url, answer } of monitors) {
    if (typeof answer === 'string' && isMajority) continue;
    if (typeof answer === 'string') problems.push(`cannot see whether the broker fsyncs before it confirms: ${url}/varz: ${answer}`);
    else if (answer.jetstream?.config?.sync_always !== true && !isBroken('lazy-sync'))
      problems.push(
        `expected jetstream { sync_interval: always } on ${answer.server_name ?? url}, got the default, which loses confirmed messages when the power fails`,
      );
  }
  const answers = monitors.map(({ answer }) => answer).filter((answer) => typeof answer !== 'string');
  if (answers.length > 0 && !answers.some(({ server_id }) => server_id === serverId))
    problems.push(
      `expected the monitoring of the broker that we are connected to (server id ${serverId}), got ${answers.map(({ server_id }) => server_id).join(', ')}`,
    );

  if (problems.length > 0 && !options.allowUnsafe)
    throw new AppError(
      'unsafe_broker',
      `the broker is not safe to run on: ${problems.join('; ')}. --allow-unsafe-broker runs on it all the same`,
    );
  const storage = answers.map(({ jetstream }) => jetstream?.config?.max_storage).filter((bytes) => bytes !== undefined);
  return { version, storageBytes: storage.length > 0 ? Math.min(...storage) : undefined, problems };
}

/** The server's variables, or why they cannot be read. */
async function readVarz(url: string): Promise<Varz | string> {
  try {
    return (await readJson(`${url.replace(/\/+$/, '')}/varz`, MONITOR_TIMEOUT_MS)) as Varz;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isAtLeast(version: string, minimum: readonly number[]): boolean {
  const parts = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  for (const [index, wanted] of minimum.entries()) {
    const got = parts[index] ?? -1;
    if (got !== wanted) return got > wanted;
  }
  return true;
}
