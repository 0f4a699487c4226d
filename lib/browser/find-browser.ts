import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Chromium, and what has to be visible for it to start. */
export interface BrowserBinary {
  readonly executable: string;
  /** The folder that holds it where it is not installed into the system: libraries and fonts are in it, too. */
  readonly folder: string | undefined;
  /** Where in `folder` libraries are, from its root. */
  readonly libraries: readonly string[];
  /** As `--version` says it. */
  readonly version: string;
}

export interface BrowserSearch {
  /** An executable that was named. It alone is looked at then. */
  readonly path?: string | undefined;
  /** `PATH` of the environment. */
  readonly searchPath?: string | undefined;
  /** The project's folder for what was fetched. */
  readonly cache: string;
}

/** The shell without windows first: it starts in half the time and does all that printing needs. */
const NAMES = ['chromium-headless-shell', 'chrome-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
/** Where a package keeps its libraries, with Debian's folder for the machine's architecture. */
const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
const CACHED = 'usr/lib/chromium/chromium-headless-shell';
/** A cold disk needs seconds for its 200 MB. */
const VERSION_MS = 20_000;

/** Where `npm run browser` puts it. */
export function browserCache(cache: string): string {
  return join(cache, 'chromium');
}

/**
 * Looks for a Chromium that starts: the one that is named, those on PATH, the one in the cache. Fetches nothing.
 * @returns undefined where there is none
 */
export async function findBrowser({ path, searchPath, cache }: BrowserSearch): Promise<BrowserBinary | undefined> {
  const onPath = (searchPath ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const candidate of path === undefined ? onPath : [path]) {
    const found = await tryBrowser(candidate, undefined);
    if (found !== undefined) return found;
  }
  return path === undefined ? await tryBrowser(join(browserCache(cache), CACHED), browserCache(cache)) : undefined;
}

async function tryBrowser(path: string, home: string | undefined): Promise<BrowserBinary | undefined> {
  if (path === '' || !existsSync(path)) return undefined;
  const executable = realpathSync(path);
  const folder = home === undefined ? ownFolder(executable) : realpathSync(home);
  const libraries = home === undefined ? [] : libraryFolders();
  const version = await readVersion(executable, folder === undefined ? [] : libraries.map((at) => join(folder, at)));
  return version === undefined ? undefined : { executable, folder, libraries, version };
}

/** What lies in the system's own folders can be read by every user; anything else may not. */
function ownFolder(executable: string): string | undefined {
  return /^\/(usr|opt|snap|nix)\//.test(executable) ? undefined : dirname(executable);
}

function libraryFolders(): string[] {
  const triplet = TRIPLETS[process.arch as keyof typeof TRIPLETS];
  return triplet === undefined ? [] : [`usr/lib/${triplet}`, `usr/lib/${triplet}/pulseaudio`, `lib/${triplet}`];
}

/** Undefined where it does not start: a library is missing, or it is something else. */
async function readVersion(executable: string, libraries: readonly string[]): Promise<string | undefined> {
  try {
    const env = libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') };
    const { stdout } = await run(executable, ['--version'], { timeout: VERSION_MS, env: { ...env, HOME: '/nonexistent' } });
    return /\d+(\.\d+){3}/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}
