import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../lib/dev/local-home.ts';

/** Plain JavaScript, because it runs before anything is installed. */
interface Bundles {
  findBundles(root: string): { folder: string; isMade: boolean };
  bundledProgram(root: string, folder: string, main: string): { args: string[]; env: Record<string, string> };
}
const { bundledProgram, findBundles } = (await import(new URL('../scripts/bundles.mjs', import.meta.url).href)) as Bundles;

test('an edit of a source asks for other bundles, and taking it back for those that are there', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'visapi-bundles-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const file of ['package-lock.json', 'scripts/bundle-start.ts', 'scripts/launch.cjs', 'scripts/line-table.ts', 'lib/core/clock.ts']) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    cpSync(join(projectRoot, file), join(root, file));
  }
  for (const folder of ['cmd', 'sdk', 'streams']) mkdirSync(join(root, folder));
  const first = findBundles(root);
  assert.equal(first.isMade, false);
  mkdirSync(first.folder, { recursive: true });
  const source = join(root, 'cmd', 'main.ts');
  writeFileSync(source, 'export {};\n');
  const second = findBundles(root);
  assert.notEqual(second.folder, first.folder);
  writeFileSync(source, 'export { };\n');
  assert.notEqual(findBundles(root).folder, second.folder);
  writeFileSync(join(root, 'package-lock.json'), '{}');
  assert.equal(findBundles(root).isMade, false);
  cpSync(join(projectRoot, 'package-lock.json'), join(root, 'package-lock.json'));
  rmSync(source);
  assert.deepEqual(findBundles(root), { ...first, isMade: true });
  writeFileSync(join(root, 'cmd', 'main.test.ts'), '');
  assert.equal(findBundles(root).isMade, true, 'tests are in no bundle');
  const { args, env } = bundledProgram(root, first.folder, 'cmd/visapi/main.ts');
  assert.deepEqual([args.at(-1), env['VISAPI_BUNDLES']], [join(first.folder, 'cmd/visapi/main.cjs'), first.folder]);
});
