import type { DeadLetterGroup } from '../../lib/store/dead-letter-groups.ts';
import type { DeadLetterStage } from '../../lib/store/dead-letter-story.ts';
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
  /** Every death of the same work, itself included, oldest first. */
  readonly rounds: readonly string[];
  /** What happened in all of them. */
  readonly stages: readonly DeadLetterStage[];
  /** Null: it is not in the log any more. */
  readonly payload: Payload | null;
}

export function deadLetterText({ letter, rounds, stages, payload }: DeadLetterDetail): string {
  const facts = [
    ['actor', letter.actor],
    ['message', letter.messageId],
    ['key', letter.eventKey],
    ['reason', `${letter.reason}: ${letter.because}`],
    ['died', letter.at],
    ['group', letter.fingerprint],
    ['status', letter.statusBecause === null ? letter.status : `${letter.status}: ${letter.statusBecause}`],
    ['deaths', rounds.length > 1 ? `${rounds.length}: ${rounds.join(', ')}` : '1'],
    ['stored', `${letter.stream} ${letter.seq}`],
    ['copy', letter.copySeq === null ? 'not confirmed yet' : `DEAD_LETTERS ${letter.copySeq}`],
    ...(letter.run === null ? [] : [['run', `${letter.run}, step ${letter.step ?? ''}`]]),
  ];
  const story = stages.map(({ at, letter: id, what, who, detail }) => [at, id, who === null ? what : `${what} by ${who}`, detail]);
  const body = payload === null ? 'The log does not have it any more.' : 'text' in payload ? payload.text : `(base 64) ${payload.base64}`;
  return [
    `Dead letter ${letter.id}`,
    table(['what', 'is'], facts),
    '\nWhat happened',
    table(['at', 'dead letter', 'what', 'detail'], story),
    ...(letter.detail === null ? [] : ['\nDetail', JSON.stringify(letter.detail, null, 2)]),
    '\nPayload',
    body,
  ].join('\n');
}

/** `limit`: how many were asked for. (Default: all of them) */
export function lettersText(found: readonly DeadLetterEntry[], limit = Infinity): string {
  const rows = found.map(({ at, id, reason, because, eventKey, fingerprint, status }) => [
    at,
    id,
    reason,
    because,
    eventKey,
    fingerprint,
    status,
  ]);
  const more = found.length < limit ? '' : `\nMore: --after ${found.at(-1)!.id}`;
  return `${table(['died', 'dead letter', 'reason', 'because', 'key', 'group', 'status'], rows)}${more}`;
}

export function groupsText(groups: readonly DeadLetterGroup[]): string {
  const rows = groups.map(({ fingerprint, count, reason, because, actors, firstAt, lastAt, example }) => [
    fingerprint,
    count,
    actors.join(', '),
    `${reason}: ${because}`,
    firstAt,
    lastAt,
    example,
  ]);
  return table(['group', 'count', 'actors', 'the last one', 'first', 'last', 'for example'], rows);
}
