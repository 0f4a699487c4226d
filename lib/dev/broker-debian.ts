import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySearch } from './broker-search.ts';

const run = promisify(execFile);

/** Older suites have a broker below our floor; sid's needs libc 2.34 and runs on Debian 12. */
const suite = 'sid';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** sid's index is 10 MB packed; on two slow cores apt needs about 10 s for it. */
const aptTimeoutMs = 120_000;

/**
 * Takes the package from Debian's pool into the cache. apt checks the signature against the archive's keyring;
 * its lists, its cache and its idea of what is installed are ours, so the system is neither read nor changed.
 * @throws Error when apt refuses
 */
export async function extractDebianPackage({ cache, say }: BinarySearch): Promise<string[]> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync(keyring)) return [];
  say(`fetching nats-server from Debian's package pool (${suite}); nothing is installed into the system`);
  const home = join(cache, 'nats-server');
  await mkdir(home, { recursive: true });
  const work = await mkdtemp(join(home, 'apt-'));
  try {
    const apt = await prepareApt(work);
    await run('apt-get', [...apt, '-qq', 'update'], { cwd: work, timeout: aptTimeoutMs });
    await run('apt-get', [...apt, '-qq', 'download', `nats-server/${suite}`], { cwd: work, timeout: aptTimeoutMs });
    const deb = (await readdir(work)).find((name) => name.endsWith('.deb'));
    if (!deb) throw new Error('apt-get download left no package');
    await run('dpkg', ['-x', join(work, deb), join(work, 'out')]);
    await rm(join(home, 'debian'), { recursive: true, force: true });
    await rename(join(work, 'out'), join(home, 'debian'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return [join(home, 'debian', 'usr', 'sbin', 'nats-server')];
}

async function prepareApt(work: string): Promise<string[]> {
  await mkdir(join(work, 'lists', 'partial'), { recursive: true });
  await mkdir(join(work, 'archives', 'partial'), { recursive: true });
  await writeFile(join(work, 'status'), '');
  await writeFile(
    join(work, 'debian.sources'),
    `Types: deb\nURIs: http://deb.debian.org/debian\nSuites: ${suite}\nComponents: main\nSigned-By: ${keyring}\n`,
  );
  const options = {
    'Dir::Etc::sourcelist': join(work, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': work,
    // apt's own user may not enter our folder.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
