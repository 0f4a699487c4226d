import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { EventData, TestsStream } from 'node:test';
import { projectRoot } from '../lib/dev/local-home.ts';

/** The sets of tests that are run as a whole. */
export const RUN_NAMES = ['test', 'slow', 'nightly'] as const;

export type RunName = (typeof RUN_NAMES)[number];

/** How one test ended. Paths are seen from the project's root. */
export interface TestResult {
  /** Where it is written. */
  readonly file: string;
  /** What the runner was given: another one where the test is written in a suite that several files run. */
  readonly ranFrom: string;
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'skipped';
}

/** What a whole run has left for those who ask what was shown. */
export interface RunResults {
  /** RFC 3339 in UTC. */
  readonly endedAt: string;
  readonly tests: readonly TestResult[];
}

/** @param home the folder `.visapi` */
export function resultsFile(home: string, run: RunName): string {
  return join(home, 'test-results', `${run}.json`);
}

/** @returns undefined where that run has not come to its end here */
export function readResults(home: string, run: RunName): RunResults | undefined {
  try {
    return JSON.parse(readFileSync(resultsFile(home, run), 'utf8')) as RunResults;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`expected JSON in ${resultsFile(home, run)}; delete the file and run the tests again`, { cause: error });
  }
}

/** Notes every test of a run, and writes them all when it has come to its end. */
export function keepResults(events: TestsStream, file: string): void {
  const tests: TestResult[] = [];
  const add = (result: TestResult['result'], { file: written = '', name, ...rest }: EventData.TestPass | EventData.TestFail): void => {
    const ranFrom = 'entryFile' in rest && typeof rest.entryFile === 'string' ? rest.entryFile : written;
    tests.push({ file: relative(projectRoot, written), ranFrom: relative(projectRoot, ranFrom), name, result });
  };
  const isLeftOut = ({ skip, todo }: EventData.TestPass): boolean => [skip, todo].some((why) => why !== undefined && why !== false);
  events.on('test:pass', (data) => add(isLeftOut(data) ? 'skipped' : 'passed', data));
  events.on('test:fail', (data) => add('failed', data));
  events.on('test:summary', (data) => {
    // One for each file, and one without a file for all.
    if (data.file !== undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    const results: RunResults = { endedAt: new Date().toISOString(), tests };
    writeFileSync(`${file}.draft`, `${JSON.stringify(results, undefined, 1)}\n`);
    renameSync(`${file}.draft`, file);
  });
}
