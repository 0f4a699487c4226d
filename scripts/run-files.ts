/**
 * `run-files.ts <files at once> <limit of a test, ms> <report> <file ...>`: node's test runner over files in the order in
 * which they are given; its command line sorts them. Those without network share a process, unless one is asked for alone.
 * Writes as people read it to stdout, and a JUnit report.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { junit, spec } from 'node:test/reporters';
import { projectRoot } from '../lib/dev/local-home.ts';

const ONE_PROCESS = 'scripts/one-process.ts';

const [filesAtOnce, timeoutMs, report = '', ...files] = process.argv.slice(2);
const isAlone = (file: string): boolean => file.startsWith('test/') || file.endsWith('.int.test.ts') || file.endsWith('.nightly.ts');
const together = files.filter((file) => !isAlone(file));
const alone = files.filter(isAlone);
process.env['VISAPI_TEST_FILES'] = together.map((file) => join(projectRoot, file)).join('\n');
// In the middle: at the end nothing else would fill the second core.
const half = Math.ceil(alone.length / 2);
const all = together.length > 1 ? [...alone.slice(0, half), ONE_PROCESS, ...alone.slice(half)] : files;
const results = run({ files: all, concurrency: Number(filesAtOnce), timeout: Number(timeoutMs) });
results.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
results.compose(new spec()).pipe(process.stdout);
results.compose(junit).pipe(createWriteStream(report));
