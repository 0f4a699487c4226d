import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifySmtpResult, LATER_MS, PERSON_CHECK_MS, type EmailOutcome } from './classify.ts';
import type { SmtpStage } from './smtp-sender.ts';

const NOW = 1_800_000_000_000;

/** The outcome in a word: sent, unknown, or what the verdict says. */
function word(outcome: EmailOutcome): string {
  if (outcome.kind !== 'failed') return outcome.kind;
  const { verdict } = outcome;
  return verdict.kind === 'reject' ? verdict.reason : verdict.kind;
}

function answer(stage: SmtpStage, response: string): EmailOutcome {
  return classifySmtpResult({ kind: 'answer', stage, code: Number(response.slice(0, 3)), response }, NOW);
}

test('a server that asks to come again is asked again, at whatever stage', () => {
  for (const stage of ['connect', 'auth', 'from', 'to', 'data'] as const)
    for (const reply of [
      '421 4.3.2 closing',
      '450 4.2.1 greylisted',
      '451 4.7.1 try later',
      '452 4.2.2 full',
      '454 4.7.0 temporary',
      '499',
    ])
      assert.equal(word(answer(stage, reply)), 'retry', `${stage} ${reply}`);
  assert.equal(word(answer('data', '503 5.5.1 bad sequence')), 'retry');
});

test('a no to this mail is for good, and a mailbox that is not there is gone', () => {
  const expected: [SmtpStage, string, string][] = [
    ['to', '550 5.1.1 no such user', 'gone'],
    ['to', '550-5.1.1 no such user\n550 5.1.1 look it up', 'gone'],
    ['to', '556 5.1.10 null MX', 'gone'],
    ['to', '550 5.2.1 disabled', 'gone'],
    ['to', '550 mailbox unavailable', 'refused'],
    ['to', '553 5.1.3 bad address', 'refused'],
    ['to', '550 5.1.11 too new', 'refused'],
    ['data', '554 5.7.1 looks like spam', 'refused'],
    ['data', '552 5.3.4 too big', 'refused'],
    ['from', '552 5.3.4 too big', 'refused'],
    ['data', '550 constructor', 'refused'],
  ];
  for (const [stage, reply, expectation] of expected) assert.equal(word(answer(stage, reply)), expectation, reply);
});

test('what every mail would meet waits for a person, and a used-up day for its end', () => {
  const expected: [SmtpStage, string][] = [
    ['auth', '535 5.7.8 wrong password'],
    ['auth', '534 5.7.9 app password'],
    ['auth', '550 account disabled'],
    ['connect', '554 5.7.1 blocked'],
    ['from', '530 5.7.0 must issue STARTTLS'],
    ['from', '550 5.7.60 may not send as'],
    ['from', '553 sender rejected'],
    ['data', '550 5.7.26 unauthenticated'],
  ];
  for (const [stage, reply] of expected) {
    const outcome = answer(stage, reply);
    assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'park', reply);
    assert.equal(outcome.verdict.until, NOW + PERSON_CHECK_MS);
    assert.match(outcome.verdict.because, /a person has to act/);
  }
  const day = answer('from', '550 5.4.5 daily limit');
  assert.ok(day.kind === 'failed' && day.verdict.kind === 'park' && day.verdict.until === NOW + LATER_MS);
});

test('a rejection keeps the whole answer', () => {
  const outcome = answer('to', '550 5.1.1 no such user');
  assert.ok(outcome.kind === 'failed' && outcome.verdict.kind === 'reject');
  assert.deepEqual(outcome.verdict.detail, { stage: 'to', code: 550, response: '550 5.1.1 no such user' });
});

test('what was not handed over whole is a failure, and what may have been taken is unknown', () => {
  assert.equal(word(classifySmtpResult({ kind: 'not-sent', code: 'unreachable', because: 'x' }, NOW)), 'retry');
  assert.equal(word(classifySmtpResult({ kind: 'not-sent', code: 'refused', because: 'x' }, NOW)), 'park');
  assert.equal(word(classifySmtpResult({ kind: 'not-sent', code: 'tls', because: 'x' }, NOW)), 'park');
  assert.equal(word(classifySmtpResult({ kind: 'unknown', because: 'x' }, NOW)), 'unknown');
  assert.equal(word(classifySmtpResult({ kind: 'sent', response: '250 ok' }, NOW)), 'sent');
});
