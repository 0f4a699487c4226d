import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { projectRoot } from '../lib/dev/local-home.ts';

type Planted = readonly (readonly [path: string, text: string])[];

/** Lints planted files under the project's rules; gives for each the names of the rules that fire. Several may share a path. */
function lint(t: TestContext, planted: Planted): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-layers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(projectRoot, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  const paths = planted.map(([path], at) => path.replace('planted', `planted-${at}`));
  for (const [at, [, text]] of planted.entries()) {
    const path = join(folder, paths[at] ?? '');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
  const { stdout } = spawnSync(join(projectRoot, 'node_modules/.bin/oxlint'), ['--format=json', '.'], { cwd: folder, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  return paths.map((path) => diagnostics.filter(({ filename }) => filename.endsWith(path)).map(({ code }) => code));
}

const forbidden = [
  ['lib/core/planted.ts', `import { z } from 'zod'; export const y = z;`],
  ['lib/core/planted.ts', `import { done } from '../actor/verdict.ts'; export const y = done;`],
  ['lib/core/planted.ts', `import { readFileSync } from 'node:fs'; export const y = readFileSync;`],
  ['lib/telemetry/planted.ts', `import { done } from '../actor/verdict.ts'; export const y = done;`],
  ['lib/actor/planted.ts', `import { openDatabase } from '../store/database.ts'; export const y = openDatabase;`],
  ['lib/actor/simulation/planted.ts', `import { openDatabase } from '../../store/database.ts'; export const y = openDatabase;`],
  ['lib/workflow/planted.ts', `import { Client } from 'pg'; export const y = Client;`],
  ['lib/webhook/planted.ts', `import { done } from '../actor/verdict.ts'; export const y = done;`],
  ['lib/jetstream/planted.ts', `import { openDatabase } from '../store/database.ts'; export const y = openDatabase;`],
  ['lib/jetstream/planted.ts', `import { done } from '../actor/verdict.ts'; export const y = done;`],
  ['lib/store/planted.ts', `import { connect } from '@nats-io/transport-node'; export const y = connect;`],
  ['lib/http/planted.ts', `import type { Destination } from '../egress/destination.ts'; export type Y = Destination;`],
  ['lib/host/planted.ts', `import { STREAMS } from '../../streams/subjects.ts'; export const y = STREAMS;`],
  ['lib/dev/planted.ts', `import { outputOf } from '../../cmd/visapi/output.ts'; export const y = outputOf;`],
  ['lib/journal/planted.test.ts', `import fc from 'fast-check'; export const y = fc;`],
  ['streams/planted.ts', `import { outputOf } from '../cmd/visapi/output.ts'; export const y = outputOf;`],
  ['cmd/ingest/planted.ts', `import { outputOf } from '../visapi/output.ts'; export const y = outputOf;`],
  ['chaos/planted.ts', `import { openSystem } from '../test/system-bed.ts'; export const y = openSystem;`],
  ['cmd/notifier/slack/planted.ts', `import { start } from '../../processor/main.ts'; export const y = start;`],
] as const;

test('every import against the direction of the layers is an error', (t) => {
  for (const [at, codes] of lint(t, forbidden).entries())
    assert.deepEqual(codes, ['eslint(no-restricted-imports)'], forbidden[at]?.join(': '));
});

const allowed = [
  ['lib/core/planted.ts', `import { createHash } from 'node:crypto'; export const y = createHash;`],
  ['lib/jetstream/planted.ts', `import type { Verdict } from '../actor/verdict.ts'; export type Y = Verdict;`],
  ['lib/host/planted.ts', `import { openDatabase } from '../store/database.ts'; export const y = openDatabase;`],
  ['cmd/ingest/planted.ts', `import { STREAMS } from '../../streams/subjects.ts'; export const y = STREAMS;`],
  ['chaos/planted.ts', `import { createBroker } from '../lib/dev/broker.ts'; export const y = createBroker;`],
  ['cmd/visapi/config.ts', `export const y = process.env['X'];`],
  ['lib/store/planted.int.test.ts', `import { openTestBed } from '../dev/test-bed.ts'; export const y = openTestBed;`],
] as const;

test('what the layers allow is no error', (t) => {
  for (const [at, codes] of lint(t, allowed).entries()) assert.deepEqual(codes, [], allowed[at]?.join(': '));
});

test('the environment, the console, default exports and file names have their rules', (t) => {
  const planted = [
    ['lib/http/planted.ts', `export const y = process.env['X'];`],
    ['lib/http/planted.ts', `console.log(1);`],
    ['lib/http/planted.ts', `export default 1;`],
    ['lib/http/plantedFile.ts', `export const y = 1;`],
  ] as const;
  const rules = ['node(no-process-env)', 'eslint(no-console)', 'import(no-default-export)', 'unicorn(filename-case)'];
  assert.deepEqual(lint(t, planted).flat(), rules);
});
