import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../lib/dev/local-home.ts';
import { lineTable } from '../scripts/line-table.ts';

/** Plain JavaScript, because it runs before anything is installed. */
interface Bundles {
  findBundles(root: string): { folder: string; isMade: boolean };
  bundledProgram(root: string, folder: string, main: string): { args: string[]; env: Record<string, string> };
}
const { bundledProgram, findBundles } = (await import(new URL('../scripts/bundles.mjs', import.meta.url).href)) as Bundles;
const launcher = join(projectRoot, 'scripts', 'launch.cjs');

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

test('an error of a bundle names the line of its source, with and without code that an earlier run has compiled', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-launch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const bundle = join(folder, 'main.cjs');
  writeFileSync(bundle, 'const words = process.argv.slice(2);\nconsole.error(new Error(words.join()).stack);\n');
  writeFileSync(`${bundle}.sources`, JSON.stringify(['/there/one.ts', '/there/other.ts']));
  writeFileSync(`${bundle}.lines`, Uint32Array.from([1, 7, 2, 40]));
  const run = (): void => {
    const { status, stderr } = spawnSync(process.execPath, [launcher, bundle, 'one', 'two'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Error: one,two\n {4}at .*\/there\/other\.ts:40/);
  };
  run();
  const compiled = `${bundle}.one.compiled`;
  const kept = readFileSync(compiled);
  run();
  assert.deepEqual(readFileSync(compiled), kept, 'what is there is used as it is');
  writeFileSync(compiled, kept.subarray(0, 100));
  run();
  assert.notEqual(readFileSync(compiled).length, 100, 'what is no use is made again');
});

test('the table of lines has for each line of a bundle what its source map has', () => {
  // Forward and back in both, numbers of two digits, a line without a source, one with two segments.
  const mappings = 'AAEA,IAAI;;AADA;ACgCA;ADjCA';
  const oracle = new SourceMap({
    version: 3,
    file: '',
    sources: ['a.ts', 'b.ts'],
    sourcesContent: [],
    names: [],
    mappings,
    sourceRoot: '',
  });
  const expected = mappings.split(';').flatMap((segments, index) => {
    const entry = oracle.findEntry(index, 0);
    return segments !== '' && 'originalLine' in entry
      ? [['a.ts', 'b.ts'].indexOf(entry.originalSource) + 1, entry.originalLine + 1]
      : [0, 0];
  });
  assert.deepEqual([...lineTable(mappings)], expected);
  assert.deepEqual(expected.slice(-2), [1, 1]);
});
