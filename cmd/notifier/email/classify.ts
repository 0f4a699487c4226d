import { park, reject, retry, type Verdict } from '../../../lib/actor/verdict.ts';
import { meaningOfReply } from './reply-codes.ts';
import type { SmtpResult } from './smtp-sender.ts';

/**
 * What came of one try to send:
 * - `sent`: the server has taken it
 * - `failed`: it certainly was not taken, and the verdict says what follows
 * - `unknown`: nobody knows
 */
export type EmailOutcome =
  | { readonly kind: 'sent'; readonly response: string }
  | { readonly kind: 'failed'; readonly verdict: Verdict }
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
      // The server is one for all mails: what a rule of ours or its certificate forbids, a person has to look at.
      if (result.code === 'refused' || result.code === 'tls') return failed(waitForPerson(nowMs, `not sent: ${result.because}`));
      return failed(retry({ because: `not sent: ${result.because}` }));
    case 'answer':
      return failed(verdictOf(result, nowMs));
  }
}

export function waitForPerson(nowMs: number, because: string): Verdict {
  return park(nowMs + PERSON_CHECK_MS, `a person has to act: ${because}`);
}

function verdictOf({ stage, code, response }: Extract<SmtpResult, { kind: 'answer' }>, nowMs: number): Verdict {
  const [meaning, why] = meaningOfReply(stage, code, response);
  const because = `${code} to ${STAGES[stage]}: ${why}`;
  const detail = { stage, code, response };
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

const STAGES = {
  connect: 'the connection',
  tls: 'STARTTLS',
  auth: 'the login',
  from: 'the sender',
  to: 'the recipient',
  data: 'the mail',
} as const;

function failed(verdict: Verdict): EmailOutcome {
  return { kind: 'failed', verdict };
}
