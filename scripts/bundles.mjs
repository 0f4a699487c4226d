// Where the programs lie as few files each (bundle-start.ts makes them), which start in half the time.
// Plain JavaScript without dependencies: it runs on any Node from 20 on.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whatever is in a bundle is a file of these, or a package that package-lock.json names. */
const SOURCES = ['cmd', 'lib', 'sdk', 'streams'];
const RECIPE = ['package-lock.json', 'scripts/bundle-start.ts', 'scripts/launch.cjs', 'scripts/line-table.ts'];

/**
 * The folder that has, or would have, the bundles of the sources as they are now: each edit gives another one.
 * @param {string} root
 * @returns {{ folder: string, isMade: boolean }}
 */
export function findBundles(root) {
  // Bundles know where their sources lie: those of a project that was moved are no longer right.
  const hash = createHash('sha256').update(root);
  for (const file of RECIPE) hash.update(readFileSync(join(root, file)));
  for (const folder of SOURCES) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
    );
    for (const name of files.sort()) hash.update(name).update(readFileSync(join(root, folder, name)));
  }
  const folder = join(root, '.visapi', 'cache', 'programs', hash.digest('hex').slice(0, 16));
  return { folder, isMade: existsSync(folder) };
}

/**
 * What Node needs to run one of the programs out of its bundle.
 * @param {string} root
 * @param {string} folder
 * @param {string} main as seen from the project's root
 * @returns {{ args: string[], env: Record<string, string> }}
 */
export function bundledProgram(root, folder, main) {
  return {
    args: [join(root, 'scripts', 'launch.cjs'), join(folder, main.replace(/\.ts$/, '.cjs'))],
    // What a bundle does not have is compiled beside it, so that the one goes with the other.
    env: { VISAPI_BUNDLES: folder, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  };
}
