import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../lib/dev/local-home.ts';

/**
 * Of how many processes each kind is made: so many that the last ones of a run are short. A short test's process and its modules
 * cost more than the test itself, so that fewer processes are cheaper.
 */
const PROCESSES = { 'without-network': 2, lib: 3, programs: 3, system: 1 } as const;
type Kind = keyof typeof PROCESSES;

/** From the end of the last test on; what a file closes behind its tests takes a second or two. */
const END_LIMIT_MS = 30_000;

/**
 * Puts the files together that can share a process. The tests of the whole system stay alone: they start programs, stop and kill
 * them, and take longer than all the others.
 * @param files seen from the project's root
 * @param folder where the files are written that stand for a group
 * @returns what the runner is to run, in this order
 */
export function groupTests(files: readonly string[], folder: string): string[] {
  const alone = files.filter((file) => kindOf(file) === undefined);
  mkdirSync(folder, { recursive: true });
  const groups = Object.entries(PROCESSES).flatMap(([kind, count]) => {
    const own = files.filter((file) => kindOf(file) === kind).toSorted();
    const size = Math.ceil(own.length / count);
    return Array.from({ length: count }, (_, index) => ({ kind, index, part: own.slice(index * size, (index + 1) * size) }));
  });
  const together = groups
    .filter(({ part }) => part.length > 0)
    .map(({ kind, index, part }) => {
      const path = join(folder, `${kind}-${index + 1}.test.mjs`);
      writeFileSync(path, sourceOf(part));
      return path;
    });
  // The tests of the whole system wait a lot: the groups fill their waits and the end.
  return [...alone, ...together];
}

function kindOf(file: string): Kind | undefined {
  if (file.endsWith('.nightly.ts') || file.endsWith('.slow.test.ts')) return undefined;
  if (!file.endsWith('.int.test.ts')) return 'without-network';
  if (file.startsWith('test/')) return file.startsWith('test/corpus/') ? 'system' : undefined;
  return file.startsWith('lib/') ? 'lib' : 'programs';
}

/**
 * No test begins before all files are loaded: on a busy machine that takes ten seconds in which hardly a timer runs. A process that something keeps
 * alive behind its last test fails, and says what that is: the runner would wait for it for ever.
 */
function sourceOf(files: readonly string[]): string {
  const imports = files.map((file) => `  await import(${JSON.stringify(pathToFileURL(join(projectRoot, file)).href)});\n`);
  const said = JSON.stringify(`one of ${files.join(', ')} has left something open for ${END_LIMIT_MS / 1_000} s: `);
  return `import { after, before } from 'node:test';
const loaded = Promise.withResolvers();
before(() => loaded.promise);
after(() => {
  setTimeout(() => {
    process.stderr.write(${said} + process.getActiveResourcesInfo().join(', ') + '\\n');
    process.exit(1);
  }, ${END_LIMIT_MS}).unref();
});
try {
${imports.join('')}} finally {
  loaded.resolve();
}
`;
}
