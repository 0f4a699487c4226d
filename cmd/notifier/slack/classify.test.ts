import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EgressResult } from '../../../lib/egress/exchange.ts';
import { classifySlackResult, LATER_MS, PERSON_CHECK_MS, type SlackOutcome } from './classify.ts';

const NOW = 1_800_000_000_000;

function answer(status: number, body: string | object, headers: Record<string, string> = {}): EgressResult {
  return { kind: 'answer', status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), isCut: false };
}

/** The outcome in a word: sent, unknown, or what the verdict says. */
function word(outcome: SlackOutcome): string {
  if (outcome.kind !== 'failed') return outcome.kind;
  const { verdict } = outcome;
  return verdict.kind === 'reject' ? verdict.reason : verdict.kind;
}

test("only Slack's own word is success", () => {
  assert.deepEqual(classifySlackResult(answer(200, 'ok'), 'incoming-webhook', NOW), { kind: 'sent', ts: undefined });
  assert.deepEqual(classifySlackResult(answer(200, { ok: true, channel: 'C', ts: '1.2' }), 'bot', NOW), { kind: 'sent', ts: '1.2' });
});

test("an answer that is not Slack's leaves it unknown", () => {
  for (const body of ['', '<html>login</html>', 'ok then', '{}', '{"ok":"yes"}', 'null', 'ok'])
    assert.equal(word(classifySlackResult(answer(200, body), 'bot', NOW)), 'unknown', body);
  for (const body of ['', '<html>', '{"ok":true}'])
    assert.equal(word(classifySlackResult(answer(200, body), 'incoming-webhook', NOW)), 'unknown', body);
  assert.equal(word(classifySlackResult(answer(204, ''), 'incoming-webhook', NOW)), 'unknown');
});

test("Slack's codes decide, through both doors", () => {
  const expected: Record<string, string> = {
    ratelimited: 'park',
    rate_limited: 'park',
    fatal_error: 'retry',
    internal_error: 'retry',
    service_unavailable: 'retry',
    invalid_blocks: 'refused',
    invalid_blocks_format: 'refused',
    no_text: 'refused',
    msg_too_long: 'refused',
    channel_not_found: 'gone',
    is_archived: 'gone',
    invalid_auth: 'park',
    account_inactive: 'park',
    token_expired: 'park',
    token_revoked: 'park',
    not_authed: 'park',
    missing_scope: 'park',
    not_in_channel: 'park',
    never_heard_of: 'retry',
    constructor: 'retry',
  };
  for (const [code, kind] of Object.entries(expected))
    assert.equal(word(classifySlackResult(answer(200, { ok: false, error: code }), 'bot', NOW)), kind, code);

  const webhook: [number, string, string][] = [
    [400, 'invalid_payload', 'refused'],
    [400, 'invalid_blocks', 'refused'],
    [400, 'no_text', 'refused'],
    [403, 'invalid_token', 'park'],
    [403, 'action_prohibited', 'park'],
    [404, 'no_service', 'park'],
    [404, 'channel_not_found', 'gone'],
    [410, 'channel_is_archived', 'gone'],
    [500, 'rollup_error', 'retry'],
    [429, 'rollup_error', 'park'],
    [429, 'channel_is_archived', 'gone'],
  ];
  for (const [status, text, kind] of webhook)
    assert.equal(word(classifySlackResult(answer(status, text), 'incoming-webhook', NOW)), kind, text);
  assert.equal(word(classifySlackResult(answer(400, 'invalid_blocks'), 'bot', NOW)), 'refused');
});

test('without a known code the status decides', () => {
  const expected: [number, string][] = [
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [429, 'park'],
    [408, 'retry'],
    [302, 'refused'],
    [400, 'refused'],
    [413, 'refused'],
    [401, 'park'],
    [403, 'park'],
    [404, 'gone'],
    [410, 'gone'],
  ];
  for (const kind of ['bot', 'incoming-webhook'] as const)
    for (const [status, verdict] of expected)
      assert.equal(word(classifySlackResult(answer(status, '<html>'), kind, NOW)), verdict, `${kind} ${status}`);
});

test('Retry-After sets when a retry is due', () => {
  for (const [header, afterMs] of [
    ['2', 2_000],
    ['soon', undefined],
  ] as const) {
    const outcome = classifySlackResult(answer(503, 'service_unavailable', { 'retry-after': header }), 'incoming-webhook', NOW);
    assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'retry');
    assert.equal(outcome.verdict.afterMs, afterMs);
  }
});

test("Slack's flow control is no attempt: the message waits as long as Slack asks, or a random part of our own limit", () => {
  for (const [header, random, afterMs] of [
    ['30', 0.5, 30_000],
    ['Fri, 15 Jan 2027 08:00:05 GMT', 0.5, 5_000],
    ['315360000', 0.5, 86_400_000],
    ['soon', 0.5, 15_500],
    ['-1', 1, LATER_MS[1]],
    ['0', 0, LATER_MS[0]],
  ] as const) {
    const outcome = classifySlackResult(answer(429, 'rate_limited', { 'retry-after': header }), 'incoming-webhook', NOW, random);
    assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'park');
    assert.equal(outcome.verdict.until, NOW + afterMs, header);
  }
});

test('a rejection keeps the whole answer, and no cookie', () => {
  const outcome = classifySlackResult(
    answer(400, 'invalid_blocks', { 'x-slack-req-id': 'r', 'set-cookie': 'secret' }),
    'incoming-webhook',
    NOW,
  );
  assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'reject');
  assert.match(outcome.verdict.because, /^invalid_blocks/);
  assert.deepEqual(outcome.verdict.detail, { status: 400, headers: { 'x-slack-req-id': 'r' }, body: 'invalid_blocks', isCut: false });
});

test('what waits for a person asks again by itself', () => {
  const outcome = classifySlackResult(answer(200, { ok: false, error: 'token_expired' }), 'bot', NOW);
  assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'park');
  assert.equal(outcome.verdict.until, NOW + PERSON_CHECK_MS);
});

test('what was not sent is a failure, and what may have been read is unknown', () => {
  assert.equal(word(classifySlackResult({ kind: 'not-sent', code: 'unreachable', because: 'x' }, 'bot', NOW)), 'retry');
  assert.equal(word(classifySlackResult({ kind: 'not-sent', code: 'aborted', because: 'x' }, 'bot', NOW)), 'retry');
  assert.equal(word(classifySlackResult({ kind: 'not-sent', code: 'refused', because: 'x' }, 'bot', NOW)), 'refused');
  assert.equal(word(classifySlackResult({ kind: 'unknown', because: 'x' }, 'bot', NOW)), 'unknown');
});
