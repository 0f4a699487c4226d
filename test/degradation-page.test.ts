import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXPERIMENTS } from '../chaos/catalogue.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { readPage, tableRows } from './docs/pages.ts';

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
