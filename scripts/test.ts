/**
 * `npm test [file ...]`, `npm run slow` for what takes longer (`*.slow.test.ts`), and `npm run nightly` for what takes many minutes: starts one broker and one database for all files, runs node's test runner over them, and fails
 * also for what the tests leave behind (processes, listening ports, files) and for skips above the limit
 * in docs/limits.md. `--brokers 3`: on a cluster of three, what does not say itself on how many it runs. Writes .visapi/test-report.xml (JUnit), or slow-test-report.xml, and of a whole run .visapi/test-results, by which
 * `npm run check` knows what was shown. The runner's own summary comes last on stdout.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBrowser } from '../lib/dev/browser-debian.ts';
import { localHome, projectRoot } from '../lib/dev/local-home.ts';
import { bundleModules } from './bundle-modules.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { endProcesses, findRemains, testRun } from './remains.ts';
import { groupTests } from './test-groups.ts';
import { resultsFile } from './test-results.ts';

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { nightly: { type: 'boolean' }, slow: { type: 'boolean' }, brokers: { type: 'string' } },
});
const isNightly = flags.nightly === true;
const isSlow = flags.slow === true;
if (flags.brokers !== undefined && flags.brokers !== '1' && flags.brokers !== '3')
  throw new Error(`--brokers: expected 1 or 3, got ${flags.brokers}`);
// For the servers that are started here, and by the tests.
process.env['VISAPI_TEST_BROKERS'] = flags.brokers ?? '1';
const { startTestServers } = await import('../lib/dev/test-servers.ts');
const folders = '{lib,streams,sdk,cmd,perf,chaos,examples,test}/**';
/** Two cores: a third file fills the waits of the other two, a fourth only makes timings noisy. What is judged by its timing runs alone, at night. */
const filesAtOnce = isNightly ? 1 : 3;
/** By day a run is what the run before was; by night chance finds what nobody has thought of. */
const seed = isNightly && process.env['VISAPI_SEED'] === undefined ? randomInt(2 ** 31) : testSeed;
/** Far above the longest test; a test that hangs fails by name instead of hanging the run. */
const testTimeoutMs = isNightly ? 1_800_000 : 400_000;

/** A file whose process does not end (a timer, a connection) is not caught by the limit of a test: then the run ends here. */
const runTimeoutMs = isNightly ? 7_200_000 : 2_400_000;

const say = (line: string) => void process.stderr.write(`visapi: ${line}\n`);
const home = localHome('.visapi');
const report = join(home.root, isSlow ? 'slow-test-report.xml' : 'test-report.xml');

const results = wanted.length > 0 || flags.brokers === '3' ? '' : resultsFile(home.root, isNightly ? 'nightly' : isSlow ? 'slow' : 'test');
// What the run before has said is no more.
if (results !== '') rmSync(results, { force: true });
mkdirSync(home.root, { recursive: true });
const groups = mkdtempSync(join(home.root, 'test-groups-'));
/** What is asked for by name and what runs by night has its process for itself. */
const files = wanted.length > 0 || isNightly ? (wanted.length > 0 ? wanted : findFiles()).toSorted() : groupTests(findFiles(), groups);

/** The tests' own, so that whatever is in it afterwards was left by them. */
const temporary = mkdtempSync(join(tmpdir(), 'visapi-run-'));
await ensureBrowser({ cache: home.cache, say, path: process.env['CHROMIUM_PATH'], searchPath: process.env['PATH'] });
say(`starting a broker and a database for the tests; VISAPI_SEED=${seed}`);
const servers = await startTestServers(say);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void interrupt());

let summary: string;
let isPassed: boolean;
try {
  ({ summary, isPassed } = await runTests(files));
} finally {
  await servers.stop();
}

const problems = [...checkSkips(summary), ...(await findRemains(temporary))];
endProcesses();
removeFolders();
for (const problem of problems) process.stdout.write(`not clean: ${problem}\n`);
process.stdout.write(summary);
process.exitCode = isPassed && problems.length === 0 ? 0 : 1;

function removeFolders(): void {
  for (const folder of [temporary, groups]) rmSync(folder, { recursive: true, force: true });
}

/** By night: what takes minutes, and those of the others that do more by night or have something to do with chance. */
function findFiles(): string[] {
  const tests = globSync(`${folders}/*.test.ts`, { cwd: projectRoot });
  if (!isNightly) return tests.filter((file) => file.endsWith('.slow.test.ts') === isSlow);
  const isOther = (file: string): boolean => /\/(test-scale|test-seed|fast-check)\.ts'/.test(readFileSync(join(projectRoot, file), 'utf8'));
  return [...globSync(`${folders}/*.nightly.ts`, { cwd: projectRoot }), ...tests.filter(isOther)];
}

async function interrupt(): Promise<void> {
  await servers.stop();
  endProcesses();
  removeFolders();
  process.exit(130);
}

/** Shows what the runner prints as it comes, but for its last lines: those are the summary, and go last. */
async function runTests(paths: readonly string[]): Promise<{ summary: string; isPassed: boolean }> {
  const args = [join(projectRoot, 'scripts/run-files.ts'), String(filesAtOnce), String(testTimeoutMs), report, results, ...paths];
  const nodeOptions = [process.env['NODE_OPTIONS'], await loadingOption()].filter((option) => option !== undefined).join(' ');
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      VISAPI_TEST_NATS_URL: servers.natsUrl,
      VISAPI_TEST_DATABASE_URL: servers.databaseUrl,
      VISAPI_NATS_SERVER: servers.brokerBinary,
      TMPDIR: temporary,
      VISAPI_TEST_RUN: testRun,
      VISAPI_SEED: String(seed),
      ...(nodeOptions === '' ? {} : { NODE_OPTIONS: nodeOptions }),
      ...(isNightly ? { VISAPI_TEST_SCALE: 'night' } : {}),
    },
  });
  let held = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    held += text;
    const end = held.search(/^ℹ tests \d/m);
    const shown = end === -1 ? held.lastIndexOf('\n') + 1 : end;
    process.stdout.write(held.slice(0, shown));
    held = held.slice(shown);
  });
  const limit = setTimeout(() => {
    process.stdout.write(`not clean: the run took longer than ${runTimeoutMs / 1_000} s; what still ran is named below\n`);
    child.kill('SIGKILL');
    child.stdout.destroy();
  }, runTimeoutMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  return { summary: held, isPassed: code === 0 && /^ℹ tests [1-9]/m.test(held) };
}

/** By night everything is loaded as it lies in the tree. */
async function loadingOption(): Promise<string | undefined> {
  if (isNightly) return undefined;
  try {
    return `--import=${await bundleModules()}`;
  } catch (error) {
    // A mistake in a source is told by the test that needs it.
    say(`no bundles, every start takes longer: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function checkSkips(text: string): string[] {
  const skipped = Number(/^ℹ skipped (\d+)$/m.exec(text)?.[1] ?? 0) + Number(/^ℹ todo (\d+)$/m.exec(text)?.[1] ?? 0);
  const allowed = Number(/^Allowed skips: (\d+)$/m.exec(readFileSync(join(projectRoot, 'docs/limits.md'), 'utf8'))?.[1] ?? 0);
  process.stdout.write(`${skipped} test(s) skipped, ${allowed} allowed\n`);
  return skipped > allowed ? [`${skipped} skipped tests, docs/limits.md allows ${allowed}`] : [];
}
