import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { localHome, projectRoot } from '../lib/dev/local-home.ts';
import { SECRET } from '../lib/dev/release-events.ts';
import { openSystem } from './system-bed.ts';

const run = promisify(execFile);
const folder = join(projectRoot, 'examples/send');
/** Kept between runs: what the examples' own package managers have fetched. */
const cache = localHome('.visapi').cache;

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const SOURCES = JSON.stringify([
  { name: 'github', preset: 'github', secrets: [{ value: SECRET }] },
  { name: 'partner', preset: 'standard-webhooks', secrets: [{ value: WEBHOOK_SECRET }] },
]);

interface Example {
  readonly language: string;
  /** What has to be on the machine. */
  readonly needs: readonly string[];
  readonly prepare?: () => Promise<void>;
  readonly command: readonly [string, ...string[]];
}

const python = join(cache, 'python-examples');
const go = join(cache, 'go-example');

/** Prepares an example once for what its files say, because it takes longer than all that it is for. */
async function unlessDone(target: string, files: readonly string[], prepare: () => Promise<unknown>): Promise<void> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  const [mark, digest] = [join(target, 'prepared'), hash.digest('hex')];
  if (existsSync(mark) && readFileSync(mark, 'utf8') === digest) return;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await prepare();
  writeFileSync(mark, digest);
}

const EXAMPLES: readonly Example[] = [
  { language: 'curl', needs: ['curl', 'openssl', 'od'], command: ['sh', 'send.sh'] },
  { language: 'Node', needs: [], command: [process.execPath, 'send.mjs'] },
  {
    language: 'Python',
    needs: ['python3'],
    prepare: () =>
      unlessDone(python, ['requirements.txt'], async () => {
        await run('python3', ['-m', 'venv', python]);
        await run(join(python, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', join(folder, 'requirements.txt')]);
      }),
    command: [join(python, 'bin/python'), 'send.py'],
  },
  {
    language: 'Go',
    needs: ['go'],
    prepare: () =>
      unlessDone(go, ['go/main.go', 'go/go.mod', 'go/go.sum'], () =>
        run('go', ['build', '-o', join(go, 'send'), '.'], { cwd: join(folder, 'go') }),
      ),
    command: [join(go, 'send')],
  },
];

const isOnMachine = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

test('the examples that send events do so in every language that the machine has, and a second try is a duplicate', async (t) => {
  const system = await openSystem(t, [], { sources: SOURCES, only: ['ingest', 'processor'] });

  const send = async ({ command: [file, ...words] }: Example, order: string): Promise<Record<string, unknown>[]> => {
    const { stdout } = await run(file, [...words, order], {
      cwd: folder,
      timeout: 60_000,
      env: { PATH: process.env['PATH'], VISAPI_URL: system.ingestUrl, VISAPI_API_KEY: system.apiKey, WEBHOOK_SECRET },
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  const check = async (each: Example, tt: TestContext): Promise<void> => {
    const missing = each.needs.filter((command) => !isOnMachine(command));
    if (missing.length > 0) return tt.skip(`this machine has no ${missing.join(' and no ')}`);
    await each.prepare?.();
    const order = `${each.language}-1001`;
    const first = await send(each, order);
    assert.deepEqual(
      first.map(({ duplicate }) => duplicate),
      [false, false],
    );
    const second = await send(each, order);
    assert.deepEqual(
      second,
      first.map(({ id }) => ({ id, duplicate: true })),
    );
    const traced = await system.visapi('trace', String(first[0]?.['id']), '--json');
    const { event } = JSON.parse(traced.stdout) as { event: { type: string; key: string; source: string } };
    assert.deepEqual([event.type, event.key], ['order.paid', order]);
  };
  for (const each of EXAMPLES) await t.test(each.language, (tt) => check(each, tt));
});
