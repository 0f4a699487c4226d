import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openTestBed } from '../../../lib/dev/test-bed.ts';
import { createTestTool, type Ended } from '../test-tool.ts';

const EXAMPLE = new URL('../../../examples/github-release-to-slack.yaml', import.meta.url).pathname;

const visapi = (databaseUrl: string, ...words: string[]): Promise<Ended> =>
  createTestTool({ DATABASE_URL: databaseUrl }).run('workflows', ...words);

async function documentFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'visapi-workflows-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'workflow.yaml');
  await writeFile(file, text);
  return file;
}

const document = (text: string) =>
  `{ name: a, on: { event: x }, steps: [{ id: s, uses: slack.send, with: { channel: "#a", text: "${text}" } }] }`;

test('a workflow is saved as versions, the same content makes none, and what is shown is the same content', async (t) => {
  const { databaseUrl } = await openTestBed(t);
  assert.match((await visapi(databaseUrl, 'apply', await documentFile(t, document('one')))).stdout, /^a has version 1 now/);
  assert.deepEqual(JSON.parse((await visapi(databaseUrl, 'apply', await documentFile(t, document('two')), '--json')).stdout), {
    name: 'a',
    version: 2,
    isNew: true,
  });
  const shown = await visapi(databaseUrl, 'show', 'a');
  assert.match((await visapi(databaseUrl, 'apply', await documentFile(t, shown.stdout))).stdout, /^a is the same as its version 2/);
  const list: unknown = JSON.parse((await visapi(databaseUrl, 'list', '--json')).stdout);
  assert.ok(Array.isArray(list));
  assert.deepEqual(
    list.map(({ name, newestVersion, enabledVersion }) => [name, newestVersion, enabledVersion]),
    [['a', 2, 2]],
  );
  const missing = await visapi(databaseUrl, 'show', 'ab');
  assert.deepEqual([missing.code, missing.stdout], [3, '']);
  assert.match(missing.stderr, /did you mean a\?/);
});

test('a wrong workflow is not saved, and every mistake is named', async (t) => {
  const { databaseUrl } = await openTestBed(t);
  const file = await documentFile(t, document('x').replace('id: s', 'id: "a b"').replace('uses: slack.send', 'uses: slack.sent'));
  const { code, stdout, stderr } = await visapi(databaseUrl, 'apply', file);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /2 mistakes:\n {2}steps\[0\]\.id: .*\n {2}steps\[0\]\.uses: .*did you mean "slack\.send"/);
  assert.match((await visapi(databaseUrl, 'list')).stdout, /no workflow yet/);
});

test('a file is checked without a database', async () => {
  assert.deepEqual(await createTestTool({ DATABASE_URL: 'postgres://127.0.0.1:1/none' }).spawn('workflows', 'validate', EXAMPLE), {
    code: 0,
    stderr: '',
    stdout: 'github-release-to-slack is a right workflow with 1 step(s).\n',
  });
  assert.equal((await visapi('postgres://127.0.0.1:1/none', 'validate', '/nowhere.yaml')).code, 3);
});

test('a file that is not there is told once, and bare workflows show their help with examples', async () => {
  const [missing, bare] = await Promise.all([
    visapi('postgres://127.0.0.1:1/none', 'validate', '/nowhere.yaml'),
    visapi('postgres://127.0.0.1:1/none'),
  ]);
  assert.equal(missing.stderr, 'visapi: expected a file that can be read, got /nowhere.yaml (ENOENT)\n');
  assert.match(bare.stderr, /Usage: visapi workflows[^]*Examples:\n {2}\$ visapi workflows validate/);
});

test('what differs between versions is shown, a file is compared with what runs, and a disabled workflow opens no runs', async (t) => {
  const { databaseUrl } = await openTestBed(t);
  const [one, two] = [await documentFile(t, document('one')), await documentFile(t, document('two'))];
  await visapi(databaseUrl, 'apply', one);
  assert.match((await visapi(databaseUrl, 'diff', one)).stdout, /^a version 1 and .* are the same\.$/m);
  const ahead = await visapi(databaseUrl, 'diff', two);
  assert.match(ahead.stdout, /^--- a version 1\n\+\+\+ .*workflow\.yaml\n[^]*\n-( +)text: one\n\+\1text: two$/m);
  await visapi(databaseUrl, 'apply', two);
  const [versions, wrong, disabled] = await Promise.all([
    visapi(databaseUrl, 'diff', 'a', '--from', '1', '--json'),
    visapi(databaseUrl, 'diff', two, '--to', '1'),
    visapi(databaseUrl, 'disable', 'a'),
  ]);
  const { from, to, isSame } = JSON.parse(versions.stdout) as Record<string, unknown>;
  assert.deepEqual([from, to, isSame], ['a version 1', 'a version 2', false]);
  assert.equal(wrong.code, 2);
  assert.match(disabled.stdout, /opens no more runs/);
  const [list, again, missing] = await Promise.all([
    visapi(databaseUrl, 'list', '--json'),
    visapi(databaseUrl, 'disable', 'a'),
    visapi(databaseUrl, 'disable', 'b'),
  ]);
  assert.equal((JSON.parse(list.stdout) as { enabledVersion: unknown }[])[0]?.enabledVersion, null);
  assert.match(again.stdout, /was disabled already/);
  assert.equal(missing.code, 3);
  await visapi(databaseUrl, 'apply', two);
  assert.equal((JSON.parse((await visapi(databaseUrl, 'list', '--json')).stdout) as { enabledVersion: unknown }[])[0]?.enabledVersion, 2);
});

test('the cases beside a workflow are played without a database, and one that fails ends with 1', async (t) => {
  const nowhere = 'postgres://127.0.0.1:1/none';
  const file = await documentFile(t, document('{{ event.data.n }}'));
  const cases = (expected: string) =>
    `tests: [{ name: it tells, event: { type: x, data: { n: 1 } }, expect: { run: done, steps: { s: { with: { text: "${expected}" } } } } }]`;
  await writeFile(file.replace('.yaml', '.test.yaml'), cases('1'));
  assert.deepEqual(await visapi(nowhere, 'test', file), { code: 0, stdout: 'ok   a: it tells\n1 of 1 as expected.\n', stderr: '' });
  await writeFile(file.replace('.yaml', '.test.yaml'), cases('2'));
  const wrong = await visapi(nowhere, 'test', file);
  assert.deepEqual(
    [wrong.code, wrong.stdout],
    [1, 'FAIL a: it tells\n       steps.s.with.text: expected "2", got "1"\n0 of 1 as expected.\n'],
  );
});
