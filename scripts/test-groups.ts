import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { localHome, projectRoot } from '../lib/dev/local-home.ts';

/**
 * Puts files that can share a process together: most of what a short test costs is the start of its process and its modules.
 * Each group becomes one file that imports its files. The tests of the whole system stay alone, and so does what is asked for alone.
 * @param files seen from the project's root
 * @returns what the runner is to run, in this order
 */
export function groupTests(files: readonly string[]): string[] {
  const groups = Map.groupBy(files, groupOf);
  const alone = groups.get('alone') ?? [];
  groups.delete('alone');
  const folder = join(localHome('.visapi').root, 'run', 'test-groups');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const together = [...groups].map(([name, group]) => {
    const path = join(folder, `${name}.test.mjs`);
    writeFileSync(path, group.map((file) => `await import('${pathToFileURL(join(projectRoot, file)).href}');\n`).join(''));
    return path;
  });
  // The groups are the longest: at the end nothing would run beside them.
  return [...together, ...alone];
}

function groupOf(file: string): string {
  if (file.startsWith('test/') || file.endsWith('.nightly.ts')) return 'alone';
  if (!file.endsWith('.int.test.ts')) return 'without-network';
  return file.startsWith('lib/') ? 'lib' : 'programs';
}
