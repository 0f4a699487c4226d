/**
 * `npm run prove [guard ...]`: takes one guard away after the other and runs the test that is there for it (prove-guards.ts). A test that passes without its guard
 * guards nothing, and one that fails with it says nothing: both end with 1. Prints a table.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Guard, GUARDS } from '../lib/core/guards.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { startTestServers } from '../lib/dev/test-servers.ts';
import { PROOFS } from './prove-guards.ts';

type Outcome = 'passed' | 'failed' | 'skipped' | 'did not run';

/** They mostly wait for what does not come. */
const AT_ONCE = 2;
/** Far above the longest of them. */
const LIMIT_MS = 300_000;

const say = (line: string): void => void process.stderr.write(`visapi: ${line}\n`);
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(GUARDS as readonly string[]).includes(name));
if (unknown.length > 0) {
  say(`expected guards out of ${GUARDS.join(', ')}; got ${unknown.join(', ')}`);
  process.exit(2);
}
const guards = GUARDS.filter((guard) => wanted.length === 0 || wanted.includes(guard));

const servers = await startTestServers(say);
try {
  process.exitCode = await prove();
} finally {
  await servers.stop();
}

async function prove(): Promise<number> {
  const begun = performance.now();
  const files = [...new Set(guards.map((guard) => PROOFS[guard].file))];
  const testsOf = (file: string): string[] => [
    ...new Set(
      guards
        .map((guard) => PROOFS[guard])
        .filter((proof) => proof.file === file)
        .map(({ test }) => test),
    ),
  ];
  // Those without their guard wait longest.
  const [broken, whole] = await Promise.all([
    inTurns(guards, (guard) => run(PROOFS[guard].file, [PROOFS[guard].test], guard)),
    inTurns(files, (file) => run(file, testsOf(file))),
  ]);
  const rows = guards.map((guard, index) => {
    const { file, test, without } = PROOFS[guard];
    const on = readTap(whole[files.indexOf(file)] ?? '', test);
    const off = readTap(broken[index] ?? '', test);
    return { guard, without, 'with it': on, 'without it': off, verdict: judge(on, off) };
  });
  console.table(rows.map(({ guard, without, verdict, ...runs }) => ({ guard, ...runs, verdict, 'what happens without it': without })));
  const wrong = rows.filter(({ verdict }) => verdict !== 'proved' && verdict !== 'not here');
  const seconds = Math.round((performance.now() - begun) / 1_000);
  process.stdout.write(`${rows.length} guards, ${wrong.length} of them not proved, in ${seconds} s\n`);
  return wrong.length === 0 ? 0 : 1;
}

function judge(on: Outcome, off: Outcome): 'proved' | 'not here' | 'guards nothing' | 'fails anyway' {
  if (on === 'skipped' && off === 'skipped') return 'not here';
  if (on !== 'passed') return 'fails anyway';
  return off === 'failed' ? 'proved' : 'guards nothing';
}

/** Tests of a file by their whole names, in a process of their own. Gives its report. */
async function run(file: string, tests: readonly string[], guard?: Guard): Promise<string> {
  const names = tests.map((test) => test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const pattern = `^(${names.join('|')})$`;
  const breaking = `--import=${pathToFileURL(join(projectRoot, 'lib/dev/break-guard.ts')).href}`;
  // What a failing test leaves running must not keep its process.
  const child = spawn(process.execPath, ['--test', '--test-force-exit', '--test-reporter=tap', '--test-name-pattern', pattern, file], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      VISAPI_TEST_NATS_URL: servers.natsUrl,
      VISAPI_TEST_DATABASE_URL: servers.databaseUrl,
      VISAPI_NATS_SERVER: servers.brokerBinary,
      ...(guard === undefined
        ? {}
        : { VISAPI_BREAK: guard, NODE_OPTIONS: [process.env['NODE_OPTIONS'], breaking].filter(Boolean).join(' ') }),
    },
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk as string;
  clearTimeout(limit);
  if (guard !== undefined) say(`${guard} was taken away`);
  return text;
}

/** What a TAP report says of one test (https://testanything.org/tap-version-14-specification.html). */
function readTap(text: string, test: string): Outcome {
  const escaped = test.replaceAll('\\', String.raw`\\`).replaceAll('#', String.raw`\#`);
  const line = text.split('\n').find((each) => /^\s*(not )?ok \d+ - /.test(each) && each.includes(` - ${escaped}`));
  if (line === undefined) return 'did not run';
  if (/# (SKIP|TODO)/i.test(line)) return 'skipped';
  return line.trimStart().startsWith('not ok') ? 'failed' : 'passed';
}

/** The results in the order of the items, a few at once. */
async function inTurns<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const take = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return results;
}
