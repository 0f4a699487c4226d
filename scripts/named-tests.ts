import type { RunName, RunResults, TestResult } from './test-results.ts';

/** A page of the documentation that names tests. */
interface NamingPage {
  readonly path: string;
  readonly text: string;
}

/** A test that a page names as what shows it. */
export interface NamedTest {
  readonly page: string;
  readonly file: string;
  /** All tests of the file where none is named. */
  readonly title: string | undefined;
}

/** Every test in a folder that the pages name: `file`, or `file`: title up to the end of its cell. */
export function namedTests(pages: readonly NamingPage[]): NamedTest[] {
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(/`([\w-]+(?:\/[\w.-]+)+\.(?:test|nightly)\.ts)`(?:: ([^|\n]+?) \|)?/g)].map(([, file = '', title]) => ({
      page: path,
      file,
      title,
    })),
  );
}

/** The run that a file belongs to. */
export function runOf(file: string): RunName {
  return file.endsWith('.nightly.ts') ? 'nightly' : file.endsWith('.slow.test.ts') ? 'slow' : 'test';
}

/** What a run says of a named test. */
export interface Verdict {
  readonly verdict: 'passed' | 'skipped' | 'not shown';
  /** Why, as the end of a sentence; empty where it passed. */
  readonly why: string;
}

/**
 * Whether a named test was run and has passed.
 * @param results of the run that the test's file belongs to
 * @param maySkip the files of which docs/limits.md says where they are skipped
 */
export function judge({ file, title }: NamedTest, results: RunResults, maySkip: ReadonlySet<string>): Verdict {
  const ofFile = results.tests.filter((test) => test.file === file || test.ranFrom === file);
  const own = title === undefined ? ofFile : ofFile.filter(({ name }) => name === title);
  if (own.length === 0) return notShown(ofFile.length === 0 ? 'did not run' : 'the file ran, without a test of that name');
  const ended = (result: TestResult['result']): readonly TestResult[] => own.filter((test) => test.result === result);
  const [failed] = ended('failed');
  if (failed !== undefined) return notShown(`failed: ${failed.name}`);
  const [skipped] = ended('skipped');
  if (skipped === undefined) return { verdict: 'passed', why: '' };
  if (!maySkip.has(file)) return notShown(`was skipped, and docs/limits.md does not say where: ${skipped.name}`);
  // What is left of a file shows it where something of it ran.
  return title === undefined && ended('passed').length > 0
    ? { verdict: 'passed', why: '' }
    : { verdict: 'skipped', why: 'was skipped on this machine, see docs/limits.md' };
}

function notShown(why: string): Verdict {
  return { verdict: 'not shown', why };
}
