/**
 * A part of `npm run check`: where a page names a test, that test ran and has passed in the last whole run on this checkout. What has not run
 * here as a whole (`npm test`, `npm run slow`; by night `npm run nightly`) is named, and nothing is judged by it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { localHome, projectRoot } from '../lib/dev/local-home.ts';
import { allPages, readPage, tableRows } from '../test/docs/pages.ts';
import { judge, namedTests, runOf } from './named-tests.ts';
import { readResults, RUN_NAMES, type RunName } from './test-results.ts';

const COMMANDS: Readonly<Record<RunName, string>> = { test: 'npm test', slow: 'npm run slow', nightly: 'npm run nightly' };

const home = localHome('.visapi').root;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const skipRows = tableRows({ path: '', text: readFileSync(join(projectRoot, 'docs/limits.md'), 'utf8').split('\n## ')[1] ?? '' });
const maySkip = new Set(skipRows.map(([cell]) => /^`([^`]+)`/.exec(cell ?? '')?.[1] ?? ''));
const named = Map.groupBy(namedTests([...allPages(), readPage('CONTRIBUTING.md')]), ({ file }) => runOf(file));

let wrong = 0;
for (const run of RUN_NAMES) {
  const own = named.get(run) ?? [];
  const results = readResults(home, run);
  if (results === undefined) {
    print(`${own.length} tests that pages name ${run === 'nightly' ? 'run by night only' : 'have not run here'}: ${COMMANDS[run]}`);
    continue;
  }
  let passed = 0;
  for (const test of own) {
    const { verdict, why } = judge(test, results, maySkip);
    if (verdict === 'passed') passed += 1;
    else print(`${test.page}: ${test.file}${test.title === undefined ? '' : `: ${test.title}`} ${why}`);
    if (verdict === 'not shown') wrong += 1;
  }
  print(`${passed} of ${own.length} tests that pages name passed in ${COMMANDS[run]}, ended ${results.endedAt}`);
}
if (wrong > 0) print(`${wrong} named tests show nothing: run those sets again, or mend the pages`);
process.exitCode = wrong > 0 ? 1 : 0;
