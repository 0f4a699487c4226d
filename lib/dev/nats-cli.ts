import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isAtLeast } from './broker-binary.ts';
import type { BinarySearch } from './broker-search.ts';

const run = promisify(execFile);

/** The first one that resets consumers. Go's checksum database pins the content of a version. */
const PINNED = '0.4.0';
const MODULE = 'github.com/nats-io/natscli';

/** A cold build compiles some 500 packages: about 2 minutes on two cores. */
const BUILD_TIMEOUT_MS = 600_000;

/**
 * Finds a `nats` tool that can reset consumers: `VISAPI_NATS_CLI`, PATH, the cache; or builds the pinned one with Go into the cache.
 * @throws Error that says what to install, with what was tried as its cause
 */
export async function findNatsCli(search: BinarySearch): Promise<string> {
  const cached = join(search.cache, 'nats-cli', 'nats');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'nats'));
  for (const path of [process.env['VISAPI_NATS_CLI'] ?? '', ...onPath, cached])
    if (path !== '' && existsSync(path) && (await isNewEnough(path))) return path;
  try {
    await build(cached, search);
    return cached;
  } catch (error) {
    throw new Error(`Install the nats tool ${PINNED} or newer (go install ${MODULE}/nats@v${PINNED}) and put it on PATH.`, {
      cause: error,
    });
  }
}

async function isNewEnough(path: string): Promise<boolean> {
  const { stdout } = await run(path, ['--version'], { timeout: 10_000 }).catch(() => ({ stdout: '' }));
  const version = /(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  return version !== undefined && isAtLeast(version, PINNED);
}

/** What `go install <module>@<version>` does, without asking for the list of versions, which not every proxy has. */
async function build(target: string, { say }: BinarySearch): Promise<void> {
  await run('go', ['version']);
  say(`building ${MODULE} v${PINNED} with Go; this takes some minutes`);
  const folder = await mkdtemp(join(tmpdir(), 'visapi-nats-cli-'));
  try {
    await writeFile(join(folder, 'go.mod'), `module visapi.local/nats-cli\n\ngo 1.25\n\nrequire ${MODULE} v${PINNED}\n`);
    await writeFile(join(folder, 'tool.go'), `package tool\n\nimport _ "${MODULE}/nats"\n`);
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' };
    await run('go', ['build', '-o', target, `${MODULE}/nats`], { cwd: folder, timeout: BUILD_TIMEOUT_MS, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
