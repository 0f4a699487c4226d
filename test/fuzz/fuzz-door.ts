import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fc } from '../../lib/dev/fast-check.ts';
import type { Acceptor } from '../../cmd/ingest/acceptor.ts';
import { TEST_KEYS } from '../../cmd/ingest/events/test-keys.ts';
import { githubHeaders, openIngestBed, post } from '../../cmd/ingest/ingest-bed.ts';
import { createAnswerCheck } from './answer-check.ts';
import { RawClient } from './raw-client.ts';
import { requestOf, type Document, type FuzzRequest, type Surface } from './request-arbitrary.ts';
import { mayBeShort, requestBytes } from './request-bytes.ts';

/** Requests under way at once: one of them that breaks the door breaks its neighbours'. */
const AT_ONCE = 8;
/** Where nothing is accepted. */
const READ_PATHS: readonly string[] = ['/', '/openapi.json'];
/** Far above any answer, below what makes a run long. Milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000;

const SURFACE: Surface = {
  known: { source: ['github'] },
  credentials: [
    `Bearer ${TEST_KEYS.good}`,
    `bearer ${TEST_KEYS.other}`,
    `Bearer ${TEST_KEYS.scopeless}`,
    `Bearer ${TEST_KEYS.expired}`,
    `Bearer ${TEST_KEYS.unknown}`,
    'Bearer x',
    'Basic eDp5',
    '',
  ],
  sign: (address, body) =>
    address.startsWith('/hooks/github') ? Object.entries(githubHeaders(body, 'd-1')).filter(([name]) => name !== 'content-type') : [],
};

/**
 * Sends requests made of the door's own OpenAPI document, good and spoilt, and checks every answer against it. What a 2xx
 * says has to be so: the events that were handed to the acceptor are counted against the answers.
 */
export async function fuzzDoor(t: TestContext, cases: number, seed: number): Promise<void> {
  let accepted = 0;
  const acceptor: Acceptor = {
    accept(events) {
      accepted += events.length;
      return Promise.resolve(events.map(() => ({ duplicate: false })));
    },
  };
  const bed = await openIngestBed(t, {
    acceptor,
    logLevel: 'silent',
    // A request that never becomes whole is answered soon.
    limits: { bodyBytes: 32_768, headersTimeoutMs: 500, requestTimeoutMs: 1_000, checkIntervalMs: 100 },
  });
  const document = (await (await fetch(`${bed.url}/openapi.json`)).json()) as Document;
  const check = createAnswerCheck(document);
  const clients = Array.from({ length: AT_ONCE }, () => new RawClient(bed.port));
  t.after(() => clients.forEach((client) => client.close()));
  const statuses = new Map<string, number>();
  let answered = 0;

  async function sendOne(client: RawClient, request: FuzzRequest): Promise<void> {
    const answer = await client.send(requestBytes(request), {
      isHead: request.method === 'HEAD',
      ends: mayBeShort(request),
      timeoutMs: ANSWER_TIMEOUT_MS,
    });
    const status = answer === undefined ? 'closed' : String(answer.status);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    // Only what is no request may go without an answer.
    if (answer === undefined) return assert.ok(mayBeShort(request), 'closed without an answer');
    check(request, answer);
    if (answer.status < 300 && !READ_PATHS.includes(request.path) && answer.body !== '')
      answered += (JSON.parse(answer.body) as { accepted?: number }).accepted ?? 1;
  }

  const requests = fc.array(requestOf(document, SURFACE), { minLength: AT_ONCE, maxLength: AT_ONCE });
  await fc.assert(
    fc.asyncProperty(requests, async (batch) => {
      const [before, said] = [accepted, answered];
      await Promise.all(batch.map((request, index) => sendOne(clients[index]!, request)));
      // A sender that hung up may have been accepted without hearing of it.
      const heard = answered - said;
      if (!batch.some(mayBeShort)) assert.equal(heard, accepted - before, 'what is answered 2xx is what is accepted');
      else assert.ok(heard <= accepted - before);
    }),
    { seed, numRuns: Math.ceil(cases / AT_ONCE) },
  );
  const summary = [...statuses].toSorted(([a], [b]) => a.localeCompare(b)).map(([status, count]) => `${status} ${count}`);
  t.diagnostic(`${cases} cases, seed ${seed}: ${summary.join(', ')}`);
  // The door is well, and the cases reached all of it.
  const body = '{"action":"published"}';
  assert.equal((await post(bed.url, body, githubHeaders(body, 'd-1'))).status, 202);
  for (const status of ['200', '202', '207', '400', '401', '403', '404', '405', '413', '415', '431'])
    assert.ok((statuses.get(status) ?? 0) > 0, `no case was answered ${status}`);
}
