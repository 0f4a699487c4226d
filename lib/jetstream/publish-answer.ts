import type { Msg } from '@nats-io/transport-node';

/**
 * What an answer to a publish means for the messages that wait for it.
 * - `stored`: confirmed; `seq` is the last message's, `count` how many were stored
 * - `again`: not known, or the broker cannot take it now: the same again, a little later
 * - `nobody`: no stream listened; it may be starting, or there is none
 * - `singly`: the batch was refused as a batch; its messages go one by one
 * - `refused`: the broker will never take it
 */
export type PublishAnswer =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: 'again' | 'singly' | 'refused'; readonly because: string }
  | { readonly kind: 'nobody'; readonly because: string };

/**
 * Refusals of a batch as such (server/errors.json): off for this stream 10174, incomplete 10176, no sequence 10175, an id
 * that is stored already 10201, too large 10199, id or commit not understood 10179 and 10200, too many open 10210.
 */
const BATCH_REFUSALS = new Set([10174, 10175, 10176, 10179, 10199, 10200, 10201, 10210]);
/** "duplicate message id is in process": an earlier try is being replicated. */
const IN_PROCESS = 10158;

interface AckBody {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

/** Reads an answer. One that cannot be read counts as unknown: the same id is sent again. */
export function readAnswer(message: Msg): PublishAnswer {
  if (message.headers?.code === 503) return { kind: 'nobody', because: 'no stream took it' };
  let body: AckBody;
  try {
    body = message.json<AckBody>();
  } catch {
    return { kind: 'again', because: 'an answer that is not JSON' };
  }
  const { error, seq } = body;
  if (error !== undefined) {
    const code = error.err_code ?? 0;
    const because = `${error.description ?? 'refused'} (${code === 0 ? error.code : code})`;
    if (BATCH_REFUSALS.has(code)) return { kind: 'singly', because };
    // 429: too many requests. 5xx: starting, electing, full. 4xx: the message itself.
    return { kind: error.code === 429 || error.code >= 500 || code === IN_PROCESS ? 'again' : 'refused', because };
  }
  if (seq === undefined || seq < 1) return { kind: 'again', because: 'an answer without a sequence' };
  return { kind: 'stored', seq, duplicate: body.duplicate === true };
}
