/**
 * `run-files.ts <files at once> <limit of a test, ms> <report> <results> <file ...>`: node's test runner over files in the order in
 * which they are given; its command line sorts them. Writes as people read it to stdout, a JUnit report, and how each test ended
 * (see test-results.ts; not where the name is empty).
 */
import { createWriteStream } from 'node:fs';
import { run } from 'node:test';
import { junit, spec } from 'node:test/reporters';
import { keepResults } from './test-results.ts';

const [filesAtOnce, timeoutMs, report = '', resultsFile = '', ...files] = process.argv.slice(2);
const results = run({ files, concurrency: Number(filesAtOnce), timeout: Number(timeoutMs) });
results.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
if (resultsFile !== '') keepResults(results, resultsFile);
results.compose(new spec()).pipe(process.stdout);
results.compose(junit).pipe(createWriteStream(report));
