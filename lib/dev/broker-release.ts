import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySearch } from './broker-search.ts';

const run = promisify(execFile);

const release = {
  version: '2.14.6',
  /**
   * sha256 of the archive per platform and architecture, as the release's own SHA256SUMS has them. Those for Linux also stand
   * in the Dockerfile of Docker's official image `nats:2.14.6-alpine3.22` (docker-library/repo-info, repos/nats). A platform
   * without a digest is not downloaded.
   */
  sha256: {
    'linux-amd64': '61c3d55f69f61ec616b75782250936445f2819e9e5f2ae6159b10a31abd2200c',
    'linux-arm64': '3ff6e463762db64186a36cf0276dae8320509e995151ad0153ba9c9f67eee3f9',
    'darwin-amd64': '239d4f3314334cc86cb12d7c252cf9b3461364451cc8ec5a39fb4915acd717c1',
    'darwin-arm64': '291b9aa8c342b3cdcc53d872585bd467de4b5c9acf375066d882eb5412a09d55',
  } as Readonly<Record<string, string>>,
};

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** An archive is about 7 MB; a network that takes longer than this is better left for the next source. */
const downloadTimeoutMs = 60_000;

/**
 * Downloads the pinned release and accepts it only by its digest.
 * @throws Error when the network or the digest says no
 */
export async function downloadRelease({ cache, say }: BinarySearch): Promise<string[]> {
  const platform = `${process.platform}-${architectures[process.arch] ?? process.arch}`;
  const expected = release.sha256[platform];
  if (!expected) return [];
  const name = `nats-server-v${release.version}-${platform}`;
  say(`downloading ${name} from its official release`);
  const url = `https://github.com/nats-io/nats-server/releases/download/v${release.version}/${name}.tar.gz`;
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadTimeoutMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const archive = Buffer.from(await response.arrayBuffer());
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected) throw new Error(`expected sha256 ${expected} of ${name}.tar.gz, got ${actual}`);

  const home = join(cache, 'nats-server');
  await mkdir(home, { recursive: true });
  const work = await mkdtemp(join(home, 'unpack-'));
  try {
    await writeFile(join(work, 'archive.tar.gz'), archive);
    await run('tar', ['-xzf', 'archive.tar.gz', '--strip-components=1'], { cwd: work });
    await mkdir(join(home, 'release'), { recursive: true });
    // A rename, so that a process that looks at the same moment never runs half a file.
    await rename(join(work, 'nats-server'), join(home, 'release', 'nats-server'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return [join(home, 'release', 'nats-server')];
}
