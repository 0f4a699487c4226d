import { park, reject, retry, type Verdict } from '../../../lib/actor/verdict.ts';
import { meaningOfReply, type ReplyMeaning } from './reply-codes.ts';
import type { SmtpResult, SmtpStage } from './smtp-sender.ts';

/**
 * What came of one try to send:
 * - `sent`: the server has taken it
 * - `failed`: it certainly was not taken; where that came to light, what it means, and the verdict that follows
 * - `unknown`: nobody knows
 */
export type EmailOutcome =
  | { readonly kind: 'sent'; readonly response: string }
  | { readonly kind: 'failed'; readonly stage: SmtpStage; readonly meaning: ReplyMeaning; readonly verdict: Verdict }
  | { readonly kind: 'unknown'; readonly because: string };

/** How often a mail that waits for a person asks again by itself: soon after a repair, and cheap until then. */
export const PERSON_CHECK_MS = 900_000;

/** A limit per day opens again at an hour that nobody tells. */
export const LATER_MS = 3_600_000;

export function classifySmtpResult(result: SmtpResult, nowMs: number): EmailOutcome {
  switch (result.kind) {
    case 'sent':
      return { kind: 'sent', response: result.response };
    case 'unknown':
      return { kind: 'unknown', because: result.because };
    case 'not-sent':
      return notSent(result, nowMs);
    case 'answer':
      return answered(result, nowMs);
  }
}

function notSent({ code, because }: Extract<SmtpResult, { kind: 'not-sent' }>, nowMs: number): EmailOutcome {
  const why = `not sent: ${because}`;
  if (code === 'unreachable') return { kind: 'failed', stage: 'connect', meaning: 'retry', verdict: retry({ because: why }) };
  // The server is one for all mails: what a rule of ours or its certificate forbids, a person has to look at.
  return { kind: 'failed', stage: code === 'tls' ? 'tls' : 'connect', meaning: 'person', verdict: waitForPerson(nowMs, why) };
}

export function waitForPerson(nowMs: number, because: string): Verdict {
  return park(nowMs + PERSON_CHECK_MS, `a person has to act: ${because}`);
}

function answered({ stage, code, response }: Extract<SmtpResult, { kind: 'answer' }>, nowMs: number): EmailOutcome {
  const [meaning, why] = meaningOfReply(stage, code, response);
  const because = `${code} to ${STAGES[stage]}: ${why}`;
  return { kind: 'failed', stage, meaning, verdict: verdictOf(meaning, because, { stage, code, response }, nowMs) };
}

function verdictOf(meaning: ReplyMeaning, because: string, detail: unknown, nowMs: number): Verdict {
  switch (meaning) {
    case 'retry':
      return retry({ because, detail });
    case 'later':
      return park(nowMs + LATER_MS, because);
    case 'refused':
    case 'gone':
      return reject(meaning, because, detail);
    case 'person':
      return waitForPerson(nowMs, because);
  }
}

const STAGES: Readonly<Record<SmtpStage, string>> = {
  connect: 'the connection',
  tls: 'STARTTLS',
  auth: 'the login',
  from: 'the sender',
  to: 'the recipient',
  data: 'the mail',
};
