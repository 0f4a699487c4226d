import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { projectRoot } from '../../../lib/dev/local-home.ts';
import { nodeEnvironment } from '../../../lib/dev/program.ts';
import { poll } from '../../../lib/dev/poll.ts';
import { openTestAccount } from '../../../lib/dev/test-bed.ts';
import { createTestSecrets } from '../../../lib/dev/test-settings.ts';
import { connectBroker } from '../../../lib/jetstream/connection.ts';
import { applyStreams } from '../../../lib/jetstream/stream-plan.ts';
import type { SourceView } from '../../../lib/settings/source-store.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { createTestTool, type Ended } from '../test-tool.ts';

const INGEST = join(projectRoot, 'cmd/ingest/main.ts');

async function openScene(t: TestContext) {
  const natsUrl = await openTestAccount();
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
  const home = mkdtempSync(join(tmpdir(), 'visapi-sources-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const secrets = createTestSecrets();
  const tool = createTestTool({ NATS_URL: natsUrl, VISAPI_HOME: home, ...secrets.env });
  /** `input` is what comes on standard input. */
  const visapi = (words: readonly string[], input = ''): Promise<Ended> => tool.runWith(input, ...words);
  return { tool, env: tool.env, visapi, secrets, connection, home };
}

/** @returns the door's address */
async function startIngest(t: TestContext, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [INGEST, '--allow-unsafe-broker'], {
    env: {
      ...env,
      ...nodeEnvironment,
      INGEST_PORT: '0',
      INGEST_OPS_PORT: '0',
      NATS_MONITOR_URL: 'http://127.0.0.1:1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const line = await poll(() => output.split('\n').find((each) => each.includes('webhooks are taken')), {
    deadlineMs: 30_000,
    what: 'ingest',
  });
  return (JSON.parse(line) as { url: string }).url;
}

test('a source is added, listed, shown, tested, rotated and removed, and its secret is shown nowhere', async (t) => {
  const { tool, env, visapi, home } = await openScene(t);
  const ingestUrl = await startIngest(t, env);
  env['INGEST_URL'] = ingestUrl;
  writeFileSync(join(home, 'secret'), 'hunter2-from-a-file\n');

  const added = await visapi(['sources', 'add', 'github', '--preset', 'github', '--key', 'repository.id'], 'hunter2-typed-by-hand\n');
  assert.deepEqual([added.code, added.stderr], [0, '']);
  assert.match(added.stdout, new RegExp(`${ingestUrl}/hooks/github`));
  assert.match(added.stdout, /At GitHub, Settings > Webhooks/);
  const again = await visapi(['sources', 'add', 'github', '--preset', 'github', '--secret-file', join(home, 'secret')]);
  assert.deepEqual(
    [again.code, again.stderr],
    [1, 'visapi: there is a source github already; visapi sources rotate github gives it another secret\n'],
  );
  const generated = await visapi(['sources', 'add', 'erp', '--preset', 'generic', '--header', 'X-Sig', '--generate', '--json']);
  const erp = JSON.parse(generated.stdout) as SourceView & { secret: string };
  assert.match(erp.secret, /^[0-9a-f]{64}$/);
  assert.equal(erp.document.preset === 'generic' && erp.document.options.header, 'x-sig');

  const tested = await poll(
    async () => {
      const result = await visapi(['sources', 'test', 'erp', '--json']);
      return result.code === 0 ? result : undefined;
    },
    { deadlineMs: 30_000, what: 'ingest knows the source' },
  );
  assert.match((JSON.parse(tested.stdout) as { says: string }).says, /^accepted as \S{26,}; visapi trace/);

  const rotated = await visapi(['sources', 'rotate', 'github', '--secret-file', join(home, 'secret')]);
  assert.equal(rotated.code, 0, rotated.stderr);
  const twice = await visapi(['sources', 'rotate', 'github', '--generate']);
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /is being rotated: the secret before counts until .*; --force/);

  const [list, shown, shownText] = await Promise.all([
    visapi(['sources', 'list', '--json']),
    visapi(['sources', 'show', 'github', '--json']),
    visapi(['sources', 'show', 'github']),
  ]);
  assert.deepEqual(
    (JSON.parse(list.stdout) as { sources: SourceView[] }).sources.map(({ name }) => name),
    ['erp', 'github'],
  );
  const view = JSON.parse(shown.stdout) as SourceView & { changes: { changedBy: string; what: string }[] };
  assert.equal(view.secrets.length, 2);
  assert.equal(view.secrets[0]?.expiresAt, null);
  const left = Date.parse(view.secrets[1]?.expiresAt ?? '') - Date.now();
  assert.ok(left > 86_000_000 && left < 86_400_000, 'the old one counts for a day');
  assert.deepEqual(
    view.changes.map(({ what }) => what),
    ['added', 'changed'],
  );
  assert.match(view.changes[0]?.changedBy ?? '', /^\S+@\S+$/);
  assert.match(shownText.stdout, /repository\.id/);

  const unsure = await tool.spawn('sources', 'remove', 'github');
  assert.deepEqual([unsure.code, unsure.stderr], [2, 'visapi: expected the name github again, or --yes; nothing was removed\n']);
  assert.equal((await visapi(['sources', 'remove', 'github', '--yes'])).code, 0);
  assert.equal((await visapi(['sources', 'remove', 'github', '--yes'])).code, 3);
  const printed = [added, again, rotated, twice, list, shown, shownText, tested].map(({ stdout, stderr }) => stdout + stderr).join('');
  assert.doesNotMatch(printed, /hunter2/);
  assert.ok(!printed.includes(erp.secret));
});

test('what is wrong is told in words, with the nearest right one, and changes nothing', async (t) => {
  const { visapi, env } = await openScene(t);
  const cases: readonly (readonly [readonly string[], number, RegExp, string?])[] = [
    [['sources', 'add', 'x', '--preset', 'strpe', '--generate'], 2, /expected one of github, .*, got strpe; did you mean stripe\?/],
    [['sources', 'add', 'x', '--generate'], 2, /--preset: expected one of .*, got none/],
    [['sources', 'add', 'x', '--preset', 'stripe', '--generate'], 2, /stripe gives its secrets itself/],
    [['sources', 'add', 'x', '--preset', 'github'], 2, /expected a secret on standard input or in --secret-file, got nothing/],
    [
      ['sources', 'add', 'x', '--preset', 'github', '--secret-file', '/nowhere'],
      1,
      /expected a file that can be read, got \/nowhere \(ENOENT\)/,
    ],
    [
      ['sources', 'add', 'X Y', '--preset', 'github', '--priority', 'urgent', '--generate'],
      1,
      /name: expected 1 to 64 of a-z[\s\S]*priority: expected critical/,
    ],
    [['sources', 'add', 'x', '--preset', 'standard-webhooks'], 1, /secret/, 'hunter2 that is no base64 of anything'],
    [['sources', 'add', 'x', '--preset', 'standard-webhooks'], 2, /at least 24 characters for standard-webhooks, got 7/, 'whsec_hunter2'],
    [['sources', 'add', 'x', '--preset', 'github'], 2, /at least 16 characters for github, got 7: a short one can be found/, 'hunter2'],
    [['sources', 'add', 'x', '--preset', 'basic'], 2, /a password of at least 8 characters for basic, got 7/, 'somebody:hunter2'],
    [['sources', 'add', 'x', '--preset', 'generic', '--generate'], 2, /--header: expected the header with the signature, as .*, got none/],
    [['sources', 'rotate', 'x', '--generate', '--old-expires', '8d'], 2, /--old-expires: expected a duration up to 7d.*, got 8d/],
    [['sources', 'rotate', 'x', '--generate'], 3, /there is no source x; visapi sources list shows them/],
    [['sources', 'show', 'x'], 3, /there is no source x/],
    [['send', 'x', '--data', '{}'], 3, /there is no source x: visapi sources list shows them/],
    [
      ['keys', 'create', '--name', 'x', '--source', 'x', '--scopes', 'event:write'],
      2,
      /expected events:write, got event:write; did you mean events:write\?/,
    ],
    [['keys', 'create', '--name', 'x', '--source', 'X!', '--scopes', 'events:write'], 2, /--source: expected 1 to 64/],
    [['keys', 'revoke', 'nobody'], 3, /there is no key nobody/],
    [['keys', 'rotate', 'nobody', '--expires-in', 'soon'], 2, /--expires-in: expected a duration/],
  ];
  for (const [words, code, expected, input] of cases) {
    const result = await visapi(words, input);
    assert.deepEqual([result.code, result.stdout], [code, ''], `${words.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, expected);
    assert.doesNotMatch(result.stderr, /hunter2|\n\s+at /);
  }
  assert.deepEqual(JSON.parse((await visapi(['sources', 'list', '--json'])).stdout), { sources: [], unreadable: [] });
  env['VISAPI_SECRETS_KEY'] = '';
  const empty = await visapi(['sources', 'list']);
  assert.match(empty.stderr, /VISAPI_SECRETS_KEY: secrets key 1: expected base64 of 32 bytes/);
  delete env['VISAPI_SECRETS_KEY'];
  const keyless = await visapi(['sources', 'add', 'x', '--preset', 'github', '--generate']);
  assert.equal(keyless.code, 1);
  assert.match(keyless.stderr, /expected VISAPI_SECRETS_KEY or VISAPI_SECRETS_KEY_FILE, as ingest has it/);
});

test('whoever has another key than those before is told so, and adds nothing that ingest could not open', async (t) => {
  const { env, visapi, secrets, connection } = await openScene(t);
  assert.equal((await visapi(['sources', 'add', 'first', '--preset', 'github', '--generate'])).code, 0);
  env['VISAPI_SECRETS_KEY'] = createTestSecrets().env.VISAPI_SECRETS_KEY;
  const refused = await visapi(['sources', 'add', 'second', '--preset', 'github', '--generate']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /sources\.first: cannot be opened: it was sealed with the key [0-9a-f]{8}; there are [0-9a-f]{8}/);
  env['VISAPI_SECRETS_KEY'] += `,${secrets.env.VISAPI_SECRETS_KEY}`;
  assert.equal(
    (await visapi(['sources', 'add', 'second', '--preset', 'github', '--generate'])).code,
    0,
    'behind the new one the old key opens',
  );
  const newKey = env['VISAPI_SECRETS_KEY']?.split(',')[0] ?? '';
  assert.deepEqual(JSON.parse((await visapi(['sources', 'reseal', '--json'])).stdout), { resealed: ['first', 'second'] });
  env['VISAPI_SECRETS_KEY'] = newKey;
  assert.equal(
    (await visapi(['sources', 'add', 'third', '--preset', 'github', '--generate'])).code,
    0,
    'sealed anew, the old key is not needed',
  );
  assert.equal((await secrets.stores(connection).sources.list()).sources.length, 3);
});
