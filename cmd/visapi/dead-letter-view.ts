import type { DeadLetterEntry } from '../../lib/store/dead-letters.ts';
import { table } from './output.ts';

/** A payload as it can be printed: its text where it is UTF-8, else base 64. */
export type Payload = { readonly text: string } | { readonly base64: string };

export function readPayload(body: Uint8Array): Payload {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body) };
  } catch {
    return { base64: Buffer.from(body).toString('base64') };
  }
}

export interface DeadLetterDetail {
  readonly letter: DeadLetterEntry;
  /** Earlier and later rounds of the same message. */
  readonly rounds: readonly string[];
  /** Null: it is not in the log any more. */
  readonly payload: Payload | null;
}

export function deadLetterText({ letter, rounds, payload }: DeadLetterDetail): string {
  const facts = [
    ['actor', letter.actor],
    ['message', letter.messageId],
    ['key', letter.eventKey],
    ['reason', `${letter.reason}: ${letter.because}`],
    ['died', letter.at],
    ['status', letter.status],
    ['round', rounds.length > 1 ? `${letter.round} of ${rounds.join(', ')}` : String(letter.round)],
    ['stored', `${letter.stream} ${letter.seq}`],
    ['copy', letter.copySeq === null ? 'not confirmed yet' : `DEAD_LETTERS ${letter.copySeq}`],
    ...(letter.run === null ? [] : [['run', `${letter.run}, step ${letter.step ?? ''}`]]),
  ];
  const attempts = letter.history.map(({ attempt, at, because }) => [attempt, at, because]);
  const body = payload === null ? 'The log does not have it any more.' : 'text' in payload ? payload.text : `(base 64) ${payload.base64}`;
  return [
    `Dead letter ${letter.id}`,
    table(['what', 'is'], facts),
    ...(attempts.length === 0 ? [] : ['\nAttempts', table(['attempt', 'at', 'because'], attempts)]),
    ...(letter.detail === null ? [] : ['\nDetail', JSON.stringify(letter.detail, null, 2)]),
    '\nPayload',
    body,
  ].join('\n');
}
