import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer } from '../../cmd/ingest/events/test-keys.ts';
import { openIngestBed } from '../../cmd/ingest/ingest-bed.ts';
import type { Door } from './bad-input.ts';
import { BAD_INPUTS } from './bad-inputs.ts';
import { describeAnswer, sendRaw, writeRequest } from './raw-request.ts';

/** Short where the corpus waits for a limit, and as large as a program may be told to take. */
const LIMITS = { bodyBytes: 8_388_608, headersTimeoutMs: 500, requestTimeoutMs: 800, checkIntervalMs: 50 };

/** An event in structured mode; the body of a row is its data, so that what is wrong is inside of something that is right. */
const events: Door = {
  path: '/v1/events',
  idHeader: 'idempotency-key',
  credentialHeader: 'authorization',
  good(body = '{"amount":7}') {
    const bytes = Buffer.concat([
      Buffer.from('{"specversion":"1.0","id":"e-1","source":"/shop","type":"order.paid","data":'),
      Buffer.from(body),
      Buffer.from('}'),
    ]);
    const headers = {
      host: 'x',
      connection: 'close',
      'content-length': String(bytes.length),
      'content-type': 'application/cloudevents+json',
      'idempotency-key': 'd-1',
      ...bearer(),
    };
    return { method: 'POST', target: events.path, headers: Object.entries(headers), body: bytes };
  },
};

test('/v1/events answers every bad input exactly as it says, with the place, and takes the next good one', async (t) => {
  const bed = await openIngestBed(t, { limits: LIMITS });
  const good = writeRequest(events.good());
  const wrong: string[] = [];
  for (const input of BAD_INPUTS) {
    if (input.events === undefined) continue;
    const taken = bed.published.length;
    const request = input.request(events);
    const { answer, all } = await sendRaw(bed.port, request instanceof Uint8Array ? request : writeRequest(request));
    const got = describeAnswer(answer);
    if (got !== input.events) wrong.push(`${input.name}: expected ${input.events}, got ${got}`);
    if (bed.published.length - taken !== (answer.status === 202 ? 1 : 0))
      wrong.push(`${input.name}: ${bed.published.length - taken} taken`);
    const answers = all.match(/^HTTP\/1\.1 [2-5]\d\d /gm)?.length ?? 0;
    if (answers > 1) wrong.push(`${input.name}: ${answers} answers`);
    const next = await sendRaw(bed.port, good);
    if (next.answer.status !== 202) wrong.push(`${input.name}: the next good request was answered ${next.answer.status}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(BAD_INPUTS.filter((input) => input.events !== undefined).length >= 60);
});
