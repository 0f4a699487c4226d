// What `npm start`, `npm test` and the others run: makes sure that the dependencies and Node 24 are there, then hands over.
// Plain JavaScript without dependencies: it runs before anything is installed, on any Node from 20 on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledProgram, findBundles } from './bundles.mjs';
import { installDependencies } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

/** Per task the commands that run one after the other; the first that fails ends the task. @type {Record<string, string[][]>} */
const tasks = {
  start: [[bin('node'), 'cmd/visapi/main.ts', 'dev']],
  test: [[bin('node'), 'scripts/test.ts']],
  slow: [[bin('node'), 'scripts/test.ts', '--slow']],
  nightly: [[bin('node'), 'scripts/test.ts', '--nightly']],
  check: [
    [bin('tsc'), '-p', '.'],
    [bin('oxlint'), '--type-aware', '--deny-warnings'],
    [bin('oxfmt'), '--check'],
    [bin('node'), 'scripts/shown.ts'],
  ],
  browser: [[bin('node'), 'scripts/browser.ts']],
  docs: [[bin('node'), 'scripts/docs.ts']],
  simulate: [[bin('node'), 'scripts/simulate.ts']],
  prove: [[bin('node'), 'scripts/prove.ts']],
  bench: [[bin('node'), 'perf/bench.ts']],
  chaos: [[bin('node'), 'chaos/main.ts']],
  fix: [[bin('oxlint'), '--type-aware', '--fix'], [bin('oxfmt')]],
};

const [name = '', ...extra] = process.argv.slice(2);
const commands = tasks[name];
if (!commands) fail(`expected one of ${Object.keys(tasks).join(', ')}, got ${JSON.stringify(name)}`);

const say = (/** @type {string} */ line) => process.stderr.write(`visapi: ${line}\n`);
try {
  if (Number(process.versions.node.split('.')[0]) < 20) throw new Error(`Install Node 20 or newer: this is ${process.version}.`);
  installDependencies(root, say);
  if (!existsSync(bin('node'))) throw new Error('expected node_modules/.bin/node after the install; delete node_modules and try again.');
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

const startsPrograms = name === 'start' || (name === 'chaos' && !['list', 'check', 'stop'].includes(extra[0] ?? ''));
const bundled = startsPrograms ? await makeBundles() : undefined;
for (const command of bundled && name === 'start' ? [bundled.command] : commands) {
  const code = await run(command, commands.length === 1 ? extra : [], bundled?.env);
  if (code !== 0) process.exit(code);
}

/** The programs are found and loaded in half the time, after the first start and the first behind an edit. */
async function makeBundles() {
  const { folder, isMade } = findBundles(root);
  if (!isMade) say('bundling the programs: from the next start on, until a source is edited, they start in half the time');
  // What is wrong with a source is told by the program that has it.
  if (!isMade && (await run([bin('node'), 'scripts/bundle-start.ts', folder], [])) !== 0) {
    say('no bundles of the programs, the start takes longer');
    return undefined;
  }
  const { args, env } = bundledProgram(root, folder, 'cmd/visapi/main.ts');
  return { command: [bin('node'), ...args, 'dev'], env };
}

/** Runs a command on the project's Node, whatever Node the machine has. @param {string[]} command @param {string[]} more @param {Record<string, string>} [own] @returns {Promise<number>} */
function run([program = '', ...args], more, own = {}) {
  // The stripped and compiled code is kept: it halves the start of every program.
  const env = {
    NODE_COMPILE_CACHE: join(root, '.visapi', 'cache', 'node'),
    ...process.env,
    ...own,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
  };
  const child = spawn(program, [...args, ...more], { cwd: root, stdio: 'inherit', env });
  // Ctrl-C reaches both of us from the terminal; we only wait for the other to end.
  process.on('SIGINT', () => {});
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => fail(`${program} could not be run: ${error.message}`));
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 130 : 1)));
  });
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`visapi: ${message}\n`);
  process.exit(1);
}
