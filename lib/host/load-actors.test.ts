import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { loadActors } from './load-actors.ts';

const kit = { visapi: new URL('../actor/define-actor.ts', import.meta.url).href };

const actor = (name: string, more = '') => `
  import { defineActor } from 'visapi';
  export const actor = defineActor({
    name: '${name}', input: () => '', retry: { attempts: 1, delayMs: () => 0 }, timeoutMs: 1000, receive: async () => ({ kind: 'done' }), ${more}
  });`;

function setUp(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-actors-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function problemsOf(folder: string, paths: readonly string[]): Promise<string[]> {
  const error = await loadActors({ paths, from: folder, taken: ['slack'], kit }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof AppError && error.code === 'invalid_config');
  return error.message.split('\n  - ').slice(1);
}

test('a folder brings every actor of its files, TypeScript and JavaScript, with nothing installed', async (t) => {
  const folder = setUp(t, {
    'actors/a.ts': actor('first').replace("() => ''", '(message: { id: string }): string => message.id'),
    'actors/b.mjs': actor('second'),
    'actors/c.js': `${actor('third')} export const other = 3;`,
    'actors/a.test.ts': 'throw new Error("a test was loaded")',
    'actors/below/helper.ts': 'throw new Error("a helper was loaded")',
    'actors/README.md': 'text',
  });
  const loaded = await loadActors({ paths: ['actors', 'actors/a.ts'], from: folder, taken: [], kit });
  assert.deepEqual(
    loaded.map(({ definition, file }) => [definition.name, file]),
    [
      ['first', 'actors/a.ts'],
      ['second', 'actors/b.mjs'],
      ['third', 'actors/c.js'],
    ],
  );
});

test('all that is wrong with all files is told at once', async (t) => {
  const folder = setUp(t, {
    'actors/a-empty.ts': 'export const limit = 3; export function helper() {}',
    'actors/b-syntax.ts': 'export const =',
    'actors/c-thrown.ts': actor('Wrong', 'partitions: 17,'),
    'actors/d-plain.ts': `export const plain = { name: 'plain', receive: 'later', timeoutMs: 0 };`,
    'actors/e-taken.ts': actor('slack'),
    'actors/f-one.ts': actor('twice'),
    'actors/g-two.ts': actor('twice'),
    'empty/README.md': '',
  });
  const problems = await problemsOf(folder, ['actors', 'empty', 'nowhere']);
  const expected = [
    /^empty: expected a folder with .ts, .mts, .js or .mjs files, got none$/,
    /^nowhere: expected a file or a folder, got nothing that can be read \(ENOENT\)$/,
    /^actors\/a-empty.ts: expected an export made by defineActor, got helper, limit; helpers belong into a folder below$/,
    /^actors\/b-syntax.ts: expected a module that can be loaded, got /,
    /^actors\/c-thrown.ts: expected a module that can be loaded, got actor "Wrong": name: expected a name like .*; actor "Wrong": partitions: /,
    /^actors\/d-plain.ts, export plain: actor "plain": input: expected a function .* got nothing$/,
    /^actors\/d-plain.ts, export plain: actor "plain": retry: /,
    /^actors\/d-plain.ts, export plain: actor "plain": timeoutMs: .* got 0$/,
    /^actors\/d-plain.ts, export plain: actor "plain": receive: expected a function .* got "later"$/,
    /^actors\/e-taken.ts: actor "slack": expected a name of its own, got that of one that VisAPI brings along$/,
    /^actors\/g-two.ts: actor "twice": expected a name of its own, got that of one of actors\/f-one.ts$/,
  ];
  assert.equal(problems.length, expected.length, problems.join('\n'));
  for (const [at, pattern] of expected.entries()) assert.match(problems[at] ?? '', pattern);
});
