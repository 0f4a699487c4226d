import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXPERIMENTS } from '../chaos/catalogue.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { judge, namedTests, runOf } from '../scripts/named-tests.ts';
import type { RunResults } from '../scripts/test-results.ts';
import { allPages, readPage, tableRows } from './docs/pages.ts';

const DEPENDENCIES = ['The broker', 'PostgreSQL', "The journal's disk", 'The object store', 'Chromium', 'A destination'];

/** @returns why a cell shows nothing; undefined where it names what there is */
function whyNothing(cell: string): string | undefined {
  const experiment = /^`npm run chaos -- ([a-z-]+)`$/.exec(cell)?.[1];
  if (experiment !== undefined) return EXPERIMENTS.some(({ name }) => name === experiment) ? undefined : `no experiment ${experiment}`;
  const [, file = '', title = ''] = /^`([\w/.-]+\.(?:test|nightly)\.ts)`: (.+)$/.exec(cell) ?? [];
  if (file === '') return 'expected `file`: title, or `npm run chaos -- experiment`';
  if (!existsSync(join(projectRoot, file))) return `${file} does not exist`;
  const titles = [...readFileSync(join(projectRoot, file), 'utf8').matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`)/g)];
  const told = titles.map(([, single = '', double = '', template = '']) => single.replaceAll(/\\(.)/g, '$1') || double || template);
  return told.includes(title) ? undefined : `${file} has no test "${title}"`;
}

test('every row of docs/degradation.md names a test or an experiment that exists, for every dependency', () => {
  const page = readPage('docs/degradation.md');
  const rows = tableRows(page);
  assert.ok(rows.length > 25, `only ${rows.length} rows`);
  for (const row of rows) {
    assert.equal(row.length, 5, row.join(' | '));
    assert.equal(whyNothing(row[4] ?? ''), undefined, row[0]);
  }
  for (const name of DEPENDENCIES) {
    const section = page.text.split(`## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
    assert.ok(tableRows({ path: name, text: section }).length > 0, `no row for ${name}`);
  }
});

test('what names nothing is told', () => {
  assert.match(whyNothing('`npm run chaos -- no-such`') ?? '', /no experiment/);
  assert.match(whyNothing('`test/no-such.test.ts`: a title') ?? '', /does not exist/);
  assert.match(whyNothing('`test/degradation-page.test.ts`: another title') ?? '', /has no test/);
  assert.match(whyNothing('by hand') ?? '', /expected/);
  assert.equal(whyNothing('`test/degradation-page.test.ts`: what names nothing is told'), undefined);
});

test('every test that a page names is found in it, with its title where it has one, and there is a file for it', () => {
  const named = namedTests(allPages());
  assert.ok(named.length > 50, `only ${named.length} were found`);
  const titled = named.filter(({ title }) => title !== undefined);
  const rows = tableRows(readPage('docs/degradation.md')).filter(([, , , , shownBy]) => shownBy?.includes('.ts`'));
  assert.equal(titled.length, rows.length);
  assert.deepEqual(
    named.filter(({ file }) => !existsSync(join(projectRoot, file))),
    [],
  );
  assert.deepEqual(['a/b.test.ts', 'a/b.int.test.ts', 'a/b.slow.test.ts', 'a/b.nightly.ts'].map(runOf), [
    'test',
    'test',
    'slow',
    'nightly',
  ]);
});

test('a named test has shown something when the runner says that it ran and passed', () => {
  const results: RunResults = {
    endedAt: '2026-01-01T00:00:00.000Z',
    tests: [
      { file: 'a/right.test.ts', ranFrom: 'group.mjs', name: 'one', result: 'passed' },
      { file: 'a/suite.ts', ranFrom: 'a/runs-suite.test.ts', name: 'two', result: 'passed' },
      { file: 'a/wrong.test.ts', ranFrom: 'a/wrong.test.ts', name: 'three', result: 'failed' },
      { file: 'a/skips.test.ts', ranFrom: 'a/skips.test.ts', name: 'four', result: 'skipped' },
      { file: 'a/skips.test.ts', ranFrom: 'a/skips.test.ts', name: 'five', result: 'passed' },
    ],
  };
  const verdict = (file: string, title?: string, maySkip: string[] = []) =>
    judge({ page: 'page.md', file, title }, results, new Set(maySkip)).verdict;
  assert.equal(verdict('a/right.test.ts', 'one'), 'passed');
  assert.equal(verdict('a/right.test.ts', 'another'), 'not shown');
  assert.equal(verdict('a/runs-suite.test.ts'), 'passed');
  assert.equal(verdict('a/none.test.ts'), 'not shown');
  assert.equal(verdict('a/wrong.test.ts'), 'not shown');
  assert.equal(verdict('a/skips.test.ts'), 'not shown');
  assert.equal(verdict('a/skips.test.ts', 'four', ['a/skips.test.ts']), 'skipped');
  assert.equal(verdict('a/skips.test.ts', undefined, ['a/skips.test.ts']), 'passed');
});

test('the runner writes how each test ended', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-results-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, results] = [join(folder, 'x.test.mjs'), join(folder, 'results', 'x.json')];
  const tests = [`test('a', () => {});`, `test('b', { skip: 'why' }, () => {});`, `test('c', { todo: true }, () => {});`];
  writeFileSync(file, `import { test } from 'node:test';\n${tests.join('\n')}\n`);
  const args = [join(projectRoot, 'scripts/run-files.ts'), '1', '60000', join(folder, 'x.xml'), results, file];
  // It is a run of its own, and not a part of this one.
  execFileSync(process.execPath, args, { cwd: projectRoot, env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
  const { tests: ended } = JSON.parse(readFileSync(results, 'utf8')) as RunResults;
  assert.deepEqual(
    ended.map(({ name, result }) => [name, result]),
    [
      ['a', 'passed'],
      ['b', 'skipped'],
      ['c', 'skipped'],
    ],
  );
});
