import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BrowserBinary, browserCache, findBrowser } from '../browser/find-browser.ts';

const run = promisify(execFile);

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The system's own list of what is installed: only what it lacks is fetched, about 20 packages instead of 130. It is read, not changed. */
const installed = '/var/lib/dpkg/status';
/** Printing needs no window; the fonts have Latin, Cyrillic, Greek, Hebrew and Arabic. */
const packages = ['chromium-headless-shell', 'fonts-dejavu-core'];
/** Two indexes of 10 MB; on two slow cores apt needs about 15 s for them. */
const indexTimeoutMs = 120_000;
/** 100 MB. */
const downloadTimeoutMs = 300_000;
const unpackTimeoutMs = 60_000;

export interface BrowserInstall {
  readonly cache: string;
  /** Told what is being done, before anything that takes long. */
  readonly say: (line: string) => void;
  /** Looked at first: a browser that is there is used. */
  readonly path?: string | undefined;
  readonly searchPath?: string | undefined;
}

/**
 * Finds a Chromium, or puts the one of Debian's package pool into the cache. apt checks the signatures against the archive's keyring;
 * nothing is installed into the system.
 * @throws Error one sentence that says what to install, with what was tried as its cause
 */
export async function ensureBrowser({ cache, say, path, searchPath }: BrowserInstall): Promise<BrowserBinary> {
  const found = await findBrowser({ path, searchPath, cache });
  if (found !== undefined) return found;
  let cause = 'this is no Debian';
  try {
    const suite = await debianSuite();
    if (suite !== undefined && path === undefined) {
      await fetchPackages(cache, suite, say);
      const fetched = await findBrowser({ cache });
      if (fetched !== undefined) return fetched;
      cause = 'what was fetched does not start';
    }
  } catch (error) {
    cause = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 500) : String(error);
  }
  throw new Error('Install chromium (Debian: apt-get install chromium-headless-shell) and put it on PATH, or set CHROMIUM_PATH to it.', {
    cause,
  });
}

/** The release's name: its own packages fit its libraries. Undefined where this is no Debian with apt. */
async function debianSuite(): Promise<string | undefined> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync(keyring) || !existsSync(installed)) return undefined;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID=debian$/m.test(release) ? /^VERSION_CODENAME=([a-z]+)$/m.exec(release)?.[1] : undefined;
}

async function fetchPackages(cache: string, suite: string, say: (line: string) => void): Promise<void> {
  say(`fetching Chromium from Debian's package pool (${suite}, about 100 MB); nothing is installed into the system`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'apt-'));
  try {
    const apt = await prepareApt(work, suite);
    await run('apt-get', [...apt, '-qq', 'update'], { cwd: work, timeout: indexTimeoutMs });
    const wanted = ['install', '--download-only', '--no-install-recommends', ...packages];
    // Fonts that the system has are not fetched again: the browser sees the system's, too.
    await run('apt-get', [...apt, '-qq', '-y', '-o', 'Debug::NoLocking=1', ...wanted], { cwd: work, timeout: downloadTimeoutMs });
    const archives = join(work, 'archives');
    const debs = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
    if (debs.length === 0) throw new Error('apt-get left no packages');
    say(`unpacking ${debs.length} packages`);
    for (const deb of debs) await run('dpkg', ['-x', join(archives, deb), join(work, 'out')], { timeout: unpackTimeoutMs });
    await rm(browserCache(cache), { recursive: true, force: true });
    await rename(join(work, 'out'), browserCache(cache));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function prepareApt(work: string, suite: string): Promise<string[]> {
  await mkdir(join(work, 'lists', 'partial'), { recursive: true });
  await mkdir(join(work, 'archives', 'partial'), { recursive: true });
  const source = (uri: string, name: string) => `Types: deb\nURIs: ${uri}\nSuites: ${name}\nComponents: main\nSigned-By: ${keyring}\n`;
  // A browser without its latest corrections is none.
  const sources = [source('http://deb.debian.org/debian', suite), source('http://deb.debian.org/debian-security', `${suite}-security`)];
  await writeFile(join(work, 'debian.sources'), sources.join('\n'));
  const options = {
    'Dir::Etc::sourcelist': join(work, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': installed,
    'Dir::Cache': work,
    // apt's own user may not enter our folder.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
