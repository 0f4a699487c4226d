import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openIngestBed } from '../../cmd/ingest/ingest-bed.ts';
import { Secret } from '../../lib/core/secret.ts';
import { compileSource, parseSourceDocument } from '../../lib/webhook/source.ts';
import { headersFromRaw, headersFromRecord } from '../../lib/webhook/webhook-headers.ts';
import { forgedCredentials } from './forged-credentials.ts';
import type { Forged } from './forged-request.ts';
import { forgedSignatures } from './forged-signatures.ts';
import { describeAnswer, sendRaw, writeRequest } from './raw-request.ts';
import { AT, BODY, genuineHeaders, senders } from './senders.ts';
import type { Sender } from './senders.ts';

const OK = { ok: true };

function forgeries(sender: Sender): readonly Forged[] {
  const { scheme } = sender.source;
  return scheme.kind === 'signature' ? forgedSignatures(sender, scheme) : forgedCredentials(sender, scheme);
}

for (const sender of senders) {
  const { document, source, secret, otherSecret } = sender;
  const verify = (headers: readonly (readonly [string, string])[], body: Uint8Array) =>
    source.verify(headersFromRaw(headers.flat()), body, AT * 1000);

  test(`${document.name}: what its sender sends is genuine, and no forgery is`, () => {
    assert.deepEqual(verify(Object.entries(genuineHeaders(sender)), BODY), OK);
    const wrong = forgeries(sender).flatMap(({ name, headers, body, reason }) => {
      const verification = verify(headers, body);
      return !verification.ok && verification.reason === reason ? [] : [`${name}: expected ${reason}, got ${JSON.stringify(verification)}`];
    });
    assert.deepEqual(wrong, []);
    assert.equal(new Set(forgeries(sender).map(({ name }) => name)).size, forgeries(sender).length);
  });

  test(`${document.name}: a secret counts until it expires, and any of several does`, () => {
    const compile = (...secrets: { value: string; expiresAt?: number }[]) =>
      compileSource(
        parseSourceDocument(document),
        secrets.map(({ value, ...rest }) => ({ value: new Secret(value), ...rest })),
      );
    const headers = headersFromRecord(genuineHeaders(sender));
    const expiresAt = AT * 1000 + 500;
    const rotating = compile({ value: otherSecret }, { value: secret, expiresAt });
    assert.deepEqual(rotating.verify(headers, BODY, expiresAt - 1), OK);
    const wrong = source.scheme.kind === 'signature' ? 'wrong_signature' : 'wrong_credential';
    assert.deepEqual(rotating.verify(headers, BODY, expiresAt), { ok: false, reason: wrong });
    assert.deepEqual(compile({ value: secret, expiresAt }).verify(headers, BODY, expiresAt), { ok: false, reason: 'no_active_secret' });
    assert.throws(() => compile(), /secrets: expected at least one/);
    assert.throws(() => compile({ value: '  ' }), /secret: expected/);
    assert.throws(() => compile({ value: '' }), TypeError);
  });
}

/** What is found out with our clock or a secret. */
const SILENT = ['wrong_signature', 'wrong_credential', 'too_old', 'in_the_future', 'no_active_secret'];

test('every forgery is answered with a 401 that is the same wherever a clock or a secret was looked at, its reason is in the log and the metric alone, and nothing is taken', async (t) => {
  const bed = await openIngestBed(t, {
    now: () => AT * 1000,
    sources: senders.map(({ document, secret }) => ({ ...document, secrets: [{ value: secret }] })),
  });
  const bodies = new Set<string>();
  const told = new Map<string, Set<string>>();
  let count = 0;
  for (const sender of senders) {
    const target = `/hooks/${sender.document.name}`;
    const send = async (headers: readonly (readonly [string, string])[], body: Uint8Array) => {
      const framing = { host: 'x', connection: 'close', 'content-type': 'application/json', 'content-length': String(body.length) };
      const request = { method: 'POST', target, headers: [...Object.entries(framing), ...headers], body };
      return await sendRaw(bed.port, writeRequest(request));
    };
    for (const { name, headers, body, reason, refusedBefore } of forgeries(sender)) {
      const place = `${sender.document.name}: ${name}`;
      const { answer, all } = await send(headers, body);
      assert.equal(answer.status, refusedBefore ?? 401, `${place}: ${describeAnswer(answer)}`);
      if (refusedBefore !== undefined) continue;
      count += 1;
      const text = all.slice(all.indexOf('\r\n\r\n'));
      assert.ok(!text.includes(sender.secret), place);
      if (SILENT.includes(reason)) bodies.add(text);
      else {
        const { errors } = JSON.parse(text) as { errors: { header: string; detail: string }[] };
        assert.equal(errors.length, 1, place);
        told.set(reason, (told.get(reason) ?? new Set()).add(errors[0]?.detail ?? ''));
      }
      assert.equal(bed.requests().at(-1)?.['reason'], reason, place);
      assert.equal(bed.refused.at(-1)?.reason, reason, place);
    }
    assert.equal(bed.published.length, 0);
    assert.match(String((await send(Object.entries(genuineHeaders(sender)), BODY)).answer.status), /^20[02]$/, sender.document.name);
    bed.published.pop();
  }
  for (const [reason, details] of told) assert.equal(details.size, 1, `${reason}: ${[...details].join('; ')}`);
  assert.equal(bodies.size, 1);
  assert.doesNotMatch([...bodies][0] ?? '', /signature|credential|header|secret|time/i);
  assert.ok(count > 200, String(count));
  assert.match(await bed.registry.metrics(), /visapi_ingest_rejected_total\{source="stripe",reason="too_many_signatures"\} 1\n/);
});
