import assert from 'node:assert/strict';
import { test } from 'node:test';
import { githubHeaders, openIngestBed } from '../../cmd/ingest/ingest-bed.ts';
import { BAD_INPUTS } from './bad-inputs.ts';
import type { Door } from './bad-input.ts';
import { describeAnswer, sendRaw, writeRequest } from './raw-request.ts';

/** Short where the corpus waits for a limit, and as large as a program may be told to take. */
const LIMITS = { bodyBytes: 8_388_608, headersTimeoutMs: 500, requestTimeoutMs: 800, checkIntervalMs: 50 };

const hooks: Door = {
  path: '/hooks/github',
  idHeader: 'x-github-delivery',
  credentialHeader: 'x-hub-signature-256',
  good(body = '{"action":"published","repository":{"full_name":"octo/demo"}}') {
    const bytes = Buffer.from(body);
    const headers = { host: 'x', connection: 'close', 'content-length': String(bytes.length), ...githubHeaders(bytes, 'd-1') };
    return { method: 'POST', target: hooks.path, headers: Object.entries(headers), body: bytes };
  },
};

test('the corpus has at least 60 rows, each of its own name', () => {
  assert.ok(BAD_INPUTS.length >= 60);
  assert.equal(new Set(BAD_INPUTS.map(({ name }) => name)).size, BAD_INPUTS.length);
});

test('/hooks answers every bad input exactly as it says, and takes the next good one', async (t) => {
  const bed = await openIngestBed(t, { limits: LIMITS });
  const good = writeRequest(hooks.good());
  const wrong: string[] = [];
  for (const input of BAD_INPUTS) {
    const taken = bed.published.length;
    const request = input.request(hooks);
    const { answer, all } = await sendRaw(bed.port, request instanceof Uint8Array ? request : writeRequest(request));
    const got = describeAnswer(answer);
    if (got !== input.hooks) wrong.push(`${input.name}: expected ${input.hooks}, got ${got}`);
    // What is refused leaves nothing behind, and one connection brings one answer.
    if (bed.published.length - taken !== (answer.status === 202 ? 1 : 0))
      wrong.push(`${input.name}: ${bed.published.length - taken} taken`);
    const answers = all.match(/^HTTP\/1\.1 [2-5]\d\d /gm)?.length ?? 0;
    if (answers > 1) wrong.push(`${input.name}: ${answers} answers`);
    const next = await sendRaw(bed.port, good);
    if (next.answer.status !== 202) wrong.push(`${input.name}: the next good request was answered ${next.answer.status}`);
  }
  assert.deepEqual(wrong, []);
});

test('what is taken is kept byte for byte', async (t) => {
  const bed = await openIngestBed(t, { limits: LIMITS });
  for (const input of BAD_INPUTS) {
    if (input.hooks !== '202' || !input.name.startsWith('a body: ')) continue;
    const request = input.request(hooks);
    if (request instanceof Uint8Array) continue;
    await sendRaw(bed.port, writeRequest(request));
    assert.ok(Buffer.from(request.body).equals(bed.published.at(-1)?.body ?? Buffer.alloc(0)), input.name);
  }
});
