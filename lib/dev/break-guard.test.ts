import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PROOFS } from '../../scripts/prove-guards.ts';
import { GUARDS } from '../core/guards.ts';
import { projectRoot } from './local-home.ts';

const sources = globSync('{lib,streams,sdk,cmd,scripts,bin}/**/*.{ts,mjs,cjs}', { cwd: projectRoot })
  .filter((file) => !file.endsWith('.test.ts'))
  .map((file) => ({ file, text: readFileSync(join(projectRoot, file), 'utf8') }));

/** Whether a process that is started so has a broken guard, and what it said. */
function start(env: NodeJS.ProcessEnv): { said: string; isBroken: boolean } {
  const guards = JSON.stringify(pathToFileURL(join(projectRoot, 'lib/core/guards.ts')).href);
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      join(projectRoot, 'lib/dev/break-guard.ts'),
      '--input-type=module',
      '-e',
      `import { isBroken } from ${guards}; console.log(isBroken('epoch'))`,
    ],
    { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } },
  );
  return { said: stderr, isBroken: stdout.trim() === 'true' };
}

test('a guard is taken away by VISAPI_BREAK, and never in production', () => {
  assert.deepEqual(start({ VISAPI_BREAK: 'epoch' }), { said: '', isBroken: true });
  assert.deepEqual(start({}), { said: '', isBroken: false });
  for (const env of [{ VISAPI_ENV: 'production' }, { NODE_ENV: 'production' }]) {
    const { said, isBroken } = start({ VISAPI_BREAK: 'epoch', ...env });
    assert.match(said, /expected no broken guard in production/);
    assert.equal(isBroken, false);
  }
  assert.match(start({ VISAPI_BREAK: 'nothing' }).said, /expected one of .*epoch.*, got nothing/);
});

test('only what proves the guards can take one away', () => {
  const naming = (word: string): string[] => sources.filter(({ text }) => text.includes(word)).map(({ file }) => file);
  assert.deepEqual(naming('break-guard.ts').toSorted(), ['lib/core/guards.ts', 'scripts/prove.ts']);
  assert.deepEqual(naming('VISAPI_BREAK').toSorted(), ['lib/dev/break-guard.ts', 'lib/dev/program.ts', 'scripts/prove.ts']);
  assert.deepEqual(naming('visapi.broken-guard').toSorted(), ['lib/core/guards.ts', 'lib/dev/break-guard.ts']);
});

test('every guard is somewhere in the code, and its row names a test that is there', () => {
  const used = new Set(
    sources.flatMap(({ text }) => [...text.matchAll(/(?:isBroken|onceDurable)\('([a-z-]+)'/g)].map(([, name]) => name ?? '')),
  );
  assert.deepEqual(used, new Set<string>(GUARDS));
  for (const { file, test: name } of Object.values(PROOFS)) {
    const [kind, property] = name.split('simulated: ');
    const rooms = property === undefined ? [file] : globSync('lib/actor/conformance/*.ts', { cwd: projectRoot });
    assert.ok(
      rooms.some((room) => readFileSync(join(projectRoot, room), 'utf8').includes(`'${property ?? kind}'`)),
      name,
    );
  }
});
