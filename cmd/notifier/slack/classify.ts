import { park, reject, retry, type Verdict } from '../../../lib/actor/verdict.ts';
import type { EgressResult } from '../../../lib/egress/exchange.ts';
import type { SlackChannel } from './channels.ts';
import { meaningOfStatus, SLACK_ERRORS, type SlackErrorMeaning } from './error-codes.ts';
import { parseRetryAfter } from './retry-after.ts';

/**
 * What came of one try to post:
 * - `sent`: Slack has it. `ts`, where Slack says it, is the message's identity in its channel
 * - `failed`: it certainly was not posted, and the verdict says what follows
 * - `unknown`: nobody knows
 */
export type SlackOutcome =
  | { readonly kind: 'sent'; readonly ts: string | undefined }
  | { readonly kind: 'failed'; readonly verdict: Verdict }
  | { readonly kind: 'unknown'; readonly because: string };

/** How often a message that waits for a person asks again by itself: soon after a repair, and cheap until then. */
export const PERSON_CHECK_MS = 900_000;

/**
 * Slack names the wait with every 429. One that does not comes from something in between: it is asked again after about one
 * message's time in a channel at the earliest, and soon enough that nobody takes it for lost.
 */
export const LATER_MS = [1_000, 30_000] as const;

/** `random` is uniform in [0, 1): it spreads what was sent away at the same moment without being told for how long. */
export function classifySlackResult(result: EgressResult, kind: SlackChannel['kind'], nowMs: number, random = Math.random()): SlackOutcome {
  switch (result.kind) {
    case 'unknown':
      return { kind: 'unknown', because: result.because };
    case 'not-sent':
      // A rule of ours, or the address behind the name: sending it again would be refused again.
      if (result.code === 'refused') return failed(reject('refused', `not sent: ${result.because}`));
      return failed(retry({ because: `not sent: ${result.because}` }));
    case 'answer':
      return classifyAnswer(result, kind, nowMs, random);
  }
}

function classifyAnswer(
  answer: Extract<EgressResult, { kind: 'answer' }>,
  kind: SlackChannel['kind'],
  nowMs: number,
  random: number,
): SlackOutcome {
  const text = answer.body.toString('utf8');
  const said = kind === 'bot' ? readApiAnswer(text) : undefined;
  if (answer.status === 200 && said?.ok === true) return { kind: 'sent', ts: said.ts };
  if (answer.status === 200 && kind === 'incoming-webhook' && text.trim() === 'ok') return { kind: 'sent', ts: undefined };

  const code = said?.error ?? readCode(text);
  const row = code !== undefined && Object.hasOwn(SLACK_ERRORS, code) ? SLACK_ERRORS[code] : undefined;
  // Success without Slack's word for it: something else answered, and what it did with the message cannot be known.
  if (row === undefined && answer.status < 300 && said?.ok !== false)
    return { kind: 'unknown', because: `status ${answer.status} without Slack's answer` };
  // A refusal in the API's own form that is new to us: bounded by the attempts, and nothing is lost.
  const meaning = row?.[0] ?? (answer.status < 300 ? 'retry' : meaningOfStatus(answer.status));
  const because = code ?? `status ${answer.status}`;
  const afterMs = parseRetryAfter(answer.headers['retry-after'], nowMs);
  const why = row === undefined ? because : `${because}: ${row[1]}`;
  return failed(
    verdictOf(answer.status === 429 && meaning === 'retry' ? 'later' : meaning, why, wholeAnswer(answer, text), { afterMs, nowMs, random }),
  );
}

interface Timing {
  /** What the answer asked for. */
  readonly afterMs: number | undefined;
  readonly nowMs: number;
  readonly random: number;
}

function verdictOf(meaning: SlackErrorMeaning, because: string, detail: unknown, { afterMs, nowMs, random }: Timing): Verdict {
  switch (meaning) {
    case 'later':
      // Not an attempt: however long Slack is busy, a message that it has not judged does not die of it.
      return park(nowMs + (afterMs ?? laterMs(random)), `Slack asks to wait: ${because}`);
    case 'retry':
      return retry({ because, detail, ...(afterMs === undefined ? {} : { afterMs }) });
    case 'refused':
    case 'gone':
      return reject(meaning, because, detail);
    case 'person':
      return park(nowMs + PERSON_CHECK_MS, `a person has to act: ${because}`);
  }
}

function laterMs(random: number): number {
  const [soonest, latest] = LATER_MS;
  return Math.round(soonest + random * (latest - soonest));
}

/** The answer as a dead letter keeps it. Cookies are credentials. */
function wholeAnswer(answer: Extract<EgressResult, { kind: 'answer' }>, text: string): unknown {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name !== 'set-cookie'));
  return { status: answer.status, headers, body: text, isCut: answer.isCut };
}

function readApiAnswer(
  text: string,
): { readonly ok: boolean; readonly error: string | undefined; readonly ts: string | undefined } | undefined {
  try {
    const value = JSON.parse(text) as { ok?: unknown; error?: unknown; ts?: unknown } | null;
    if (typeof value?.ok !== 'boolean') return undefined;
    return {
      ok: value.ok,
      error: typeof value.error === 'string' ? value.error : undefined,
      ts: typeof value.ts === 'string' ? value.ts : undefined,
    };
  } catch {
    return undefined;
  }
}

/** A plain-text answer that is a code and nothing else. */
function readCode(text: string): string | undefined {
  return /^[a-z][a-z0-9_]{1,63}$/.exec(text.trim())?.[0];
}

function failed(verdict: Verdict): SlackOutcome {
  return { kind: 'failed', verdict };
}
