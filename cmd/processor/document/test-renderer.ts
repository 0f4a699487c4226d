import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after } from 'node:test';
import { type BrowserBinary, findBrowser } from '../../../lib/browser/find-browser.ts';
import type { ProcessFacts } from '../../../lib/browser/process-tree.ts';
import { localHome } from '../../../lib/dev/local-home.ts';
import { createPdfRenderer, type PdfRenderer, type PdfRendererOptions } from './pdf-renderer.ts';

const started: PdfRenderer[] = [];
const ended: string[] = [];

// Not a hook of a test: the tests of a file share their browsers, a start is a second of work.
after(() => Promise.all(started.map((renderer) => renderer.stop())));

/** A renderer with one browser for the tests of a file. */
export function openTestRenderer(options: Partial<PdfRendererOptions> = {}): PdfRenderer {
  const renderer = createPdfRenderer({
    findBrowser: testBrowser,
    size: 1,
    // A browser starts within it, also on a machine that is busy with others.
    deadlineMs: 60_000,
    maxBytes: 1_000_000,
    maxPages: 20,
    maxMemoryBytes: 800_000_000,
    recycleAfter: 1_000,
    pageRenders: 20,
    onEnd: (reason) => void ended.push(reason),
    ...options,
  });
  started.push(renderer);
  return renderer;
}

let binary: Promise<BrowserBinary> | undefined;

/** The browser that `npm test` and `npm run browser` see to. @throws Error that says so where there is none */
export function testBrowser(): Promise<BrowserBinary> {
  binary ??= findBrowser({
    path: process.env['CHROMIUM_PATH'],
    searchPath: process.env['PATH'],
    cache: localHome('.visapi').cache,
  }).then((found) => {
    if (found === undefined) throw new Error('expected a Chromium: run `npm run browser` once');
    return found;
  });
  return binary;
}

/** What /proc says of a process that matters to its confinement; undefined where it has ended meanwhile. */
export function confinementOf(facts: ProcessFacts) {
  try {
    return readConfinement(facts);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}

function readConfinement({ pid, command }: ProcessFacts) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
  const inNamespace = (path: string): string => readFileSync(`/proc/${pid}/net/${path}`, 'utf8');
  return {
    command,
    userIds: field('Uid').split('\t').map(Number),
    capabilities: Number.parseInt(field('CapEff'), 16),
    noNewPrivileges: field('NoNewPrivs'),
    seccomp: field('Seccomp'),
    namespaces: ['net', 'pid', 'mnt'].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)),
    /** The names of its network interfaces, and all addresses that they have. */
    interfaces: [...inNamespace('dev').matchAll(/^\s*(\S+):/gm)].map(([, name]) => name),
    addresses: inNamespace('fib_trie') + inNamespace('if_inet6'),
  };
}

/** The first process of the renderer whose command line has this, while it renders, and that is none of those before. */
export function processWith(renderer: PdfRenderer, argument: string, before: readonly ProcessFacts[] = []): ProcessFacts | undefined {
  const known = new Set(before.map(({ pid }) => pid));
  return renderer.processes().find(({ pid, command }) => !known.has(pid) && command.some((word) => word.includes(argument)));
}

/** What is left of these processes, and of files in the temporary folder since `files` was taken. */
export function leftovers(processes: readonly ProcessFacts[], files: ReadonlySet<string>): string[] {
  const alive = processes.filter(({ pid, command }) => readCommand(pid) === command.join('\0')).map(({ pid }) => `process ${pid}`);
  return [...alive, ...[...temporaryFiles()].filter((name) => !files.has(name) && /chrom|puppeteer|fontconfig|headless/i.test(name))];
}

export function temporaryFiles(): ReadonlySet<string> {
  return new Set([...readdirSync(tmpdir()), ...readdirSync('/tmp'), ...readdirSync('/dev/shm')]);
}

function readCommand(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined;
  }
}
