import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { nodeEnvironment } from '../../lib/dev/program.ts';
import { roleAddress } from '../../lib/store/role-address.ts';
import { runTool } from './tool.ts';

/** How a run of the tool ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tool as a test gives it commands, without anything of the machine's own settings. */
export interface TestTool {
  /** What every run finds in its environment; a test may change it. */
  readonly env: Record<string, string>;
  /** Runs a command in this process: all that `main.ts` does, without the start of a process. */
  run(...words: string[]): Promise<Ended>;
  /** The same with something on standard input. */
  runWith(input: string, ...words: string[]): Promise<Ended>;
  /** Runs it as a shell would. */
  spawn(...words: string[]): Promise<Ended>;
}

export function createTestTool(env: Readonly<Record<string, string>> = {}): TestTool {
  const own: Record<string, string> = { VISAPI_HOME: join(tmpdir(), 'visapi-nowhere'), ...env };
  const { DATABASE_URL: url } = own;
  // With the tool's own role: a right that it lacks fails a test. The servers of a test take any password.
  if (url !== undefined) own['DATABASE_URL'] = roleAddress(url, 'tool', new URL(url).password || 'any');
  const runWith = async (input: string, ...words: string[]): Promise<Ended> => {
    const [stdout, stderr] = [new Collected(), new Collected()];
    const code = await runTool(words, { env: { ...own }, stdin: Readable.from([Buffer.from(input)]), stdout, stderr, exitCode: 0 });
    return { code, stdout: stdout.text, stderr: stderr.text };
  };
  return {
    env: own,
    run: (...words) => runWith('', ...words),
    runWith,
    spawn: (...words) =>
      new Promise((resolve) => {
        const all = { ...nodeEnvironment, ...own };
        const main = join(projectRoot, 'cmd/visapi/main.ts');
        const child = execFile(process.execPath, [main, ...words], { env: all, timeout: 30_000 }, (error, stdout, stderr) =>
          resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr }),
        );
        child.stdin?.end();
      }),
  };
}

class Collected extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
