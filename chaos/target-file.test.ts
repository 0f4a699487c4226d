import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Ready } from '../lib/dev/ready-file.ts';
import { readTarget } from './target-file.ts';

/** What `npm start -- --cluster` writes. */
const READY: Ready = {
  ingestUrl: 'http://127.0.0.1:27080',
  opsUrls: { ingest: 'http://127.0.0.1:27081', 'ingest-2': 'http://127.0.0.1:27181', processor: 'http://127.0.0.1:27082' },
  natsUrl: 'nats://127.0.0.1:24222,nats://127.0.0.1:24223',
  replicas: 3,
  journals: ['/journal'],
  databaseUrl: 'postgres://visapi_tool:any@127.0.0.1:25432/visapi',
  sinkUrl: 'http://127.0.0.1:27090',
  demo: { source: 'github', secret: 'x', signatureHeader: 'x-hub-signature-256', apiKey: 'y' },
};

function write(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-target-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'target.json');
  writeFileSync(path, text);
  return path;
}

test('what a running cluster writes down is a target', (t) => {
  const target = readTarget(write(t, JSON.stringify(READY)));
  assert.deepEqual([target.natsUrl, target.demo.secret, Object.keys(target.opsUrls)], [READY.natsUrl, 'x', Object.keys(READY.opsUrls)]);
});

test('a mistake in the file is told by its place', (t) => {
  const mistakes: [text: string, told: RegExp][] = [
    ['{', /expected a file with JSON/],
    ['[]', /the file: /],
    [JSON.stringify({ ...READY, natsUrl: 'localhost' }), /natsUrl: expected nats:/],
    [JSON.stringify({ ...READY, demo: { source: 'github' } }), /demo\.secret/],
    [JSON.stringify({ ...READY, opsUrls: { processor: 'http://127.0.0.1:1' } }), /opsUrls: expected at least one ingest/],
    [JSON.stringify({ ...READY, databaseUrl: undefined, ingestUrl: 'ftp://x' }), /ingestUrl: .*databaseUrl: /],
  ];
  for (const [text, told] of mistakes) assert.throws(() => readTarget(write(t, text)), told);
  assert.throws(() => readTarget('/nowhere.json'), /expected a file with JSON: ENOENT/);
});
